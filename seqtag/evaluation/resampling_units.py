"""Resampling units: groups of dependent sequences that are drawn and swapped together."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def resampling_units(
    documents: npt.NDArray[np.uint64], contents: npt.NDArray[np.uint64]
) -> npt.NDArray[np.uint64]:
    """Return `<uint64>[n_sequences]`, equal for sequences of one unit.

    The sequences of a document form a unit (a cluster; Field and Welsh 2007). A sequence that occurs in
    several documents forms a unit with its repetitions: a tagger gives all of them the same tags, so they are
    a single observation. In a corpus without document ids the content is the document, so the units are the
    distinct sequences.

    Args:
        documents: `<uint64>[n_sequences]`, hashes of the document ids.
        contents: `<uint64>[n_sequences]`, hashes of the tokens and their further columns.

    >>> resampling_units(np.array([1, 1, 2, 2], np.uint64), np.array([7, 8, 7, 9], np.uint64)).tolist()
    [7, 1, 7, 2]
    """
    distinct, kind = np.unique(contents, return_inverse=True)
    first = np.zeros(len(distinct), np.uint64)
    first[kind] = documents  # the document of any one occurrence
    is_repeated = np.zeros(len(distinct), np.bool_)
    is_repeated[kind[documents != first[kind]]] = True
    return np.where(is_repeated[kind], contents, documents)
