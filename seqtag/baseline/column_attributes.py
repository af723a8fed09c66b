"""CRF attributes of further columns of tokens: names as they are, numbers and times in steps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seqtag.config import SetColumn, TimeColumn
from seqtag.corpus.token_values import set_members, token_values
from seqtag.features import ColumnIndex, LearnedColumn
from seqtag.features.gazetteers import BEGIN_ID, INSIDE_ID
from seqtag.tagging.ragged import flatten

_STEPS = 2  # of scaled numbers, for a standard deviation


def column_attributes(
    index: ColumnIndex, tokens: pa.ListArray, lists: Mapping[str, pa.ListArray]
) -> list[list[str]]:
    """Return the attributes of each token of sequences, concatenated.

    Args:
        index: the columns and gazetteers.
        tokens: `list<string>`, the tokens of each sequence.
        lists: `list<string>` by name, one value for each token.
    """
    flat, offsets = flatten(tokens)
    attributes: list[list[str]] = [[] for _ in range(int(offsets[-1]))]
    for learned in index.columns:
        texts = token_values(lists.get(learned.column.name), offsets)
        for of_token, found in zip(attributes, _of_column(learned, texts, offsets), strict=True):
            of_token += found
    for gazetteer in index.gazetteers:
        names = {BEGIN_ID: [f"{gazetteer.name}=begin"], INSIDE_ID: [f"{gazetteer.name}=inside"]}
        for of_token, id_ in zip(attributes, gazetteer.ids(flat, offsets).tolist(), strict=True):
            of_token += names.get(id_, [])
    return attributes


def _of_column(
    learned: LearnedColumn, texts: pa.StringArray, offsets: npt.NDArray[np.int64]
) -> list[list[str]]:
    column = learned.column
    if column.kind == "category":
        return [[] if value is None else [f"{column.name}={value}"] for value in texts.to_pylist()]
    if isinstance(column, SetColumn):
        sets = set_members(texts, column.separator).to_pylist()
        return [[f"{column.name}:{member}" for member in members or ()] for members in sets]
    values = learned.values(texts, offsets)  # [n_tokens, n_values]
    names = ["before", "after"] if isinstance(column, TimeColumn) else ["value"]
    steps = np.floor(_STEPS * values[:, : len(names)]).astype(int).tolist()
    found = [[f"{column.name} {name}={step}" for name, step in zip(names, row, strict=True)] for row in steps]
    is_missing = values[:, -1].astype(bool).tolist()
    return [
        [f"{column.name} missing"] if missing else each
        for each, missing in zip(found, is_missing, strict=True)
    ]
