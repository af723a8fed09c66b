"""Which sequence is train, dev or test: as the corpus declares it, else by a hash of its document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from seqtag.config import SPLITS, SplitConfig
from seqtag.corpus.hashing import hash_strings
from seqtag.corpus.schema import DOCUMENT_ID, SPLIT
from seqtag.errors import CorpusRejectedError


def official_splits(parts: Sequence[Path], config: SplitConfig) -> frozenset[str]:
    """Return the names of the splits that the corpus itself declares; none in mode "hash".

    Raises:
        CorpusRejectedError: mode "official", and a split is missing or a sequence belongs to none.
    """
    if config.mode == "hash":
        return frozenset()
    counts = dict.fromkeys(SPLITS, 0)
    n_sequences = 0
    for labels in _labels(parts):
        n_sequences += len(labels)
        for split in SPLITS:
            counts[split] += pc.sum(pc.equal(labels, split)).as_py() or 0
    official = frozenset(split for split in SPLITS if counts[split])
    outside = n_sequences - sum(counts.values())
    if config.mode == "official" and (outside or len(official) < len(SPLITS)):
        received = ", ".join(f"{counts[split]} {split}" for split in SPLITS)
        raise CorpusRejectedError(
            'split.mode = "official" requires every sequence to be labelled train, dev or test, and each of '
            f"them to occur. Received: {received}, {outside} without such a label. Label the sources, or "
            'choose split.mode = "auto"'
        )
    return official


def is_official(parts: Sequence[Path], config: SplitConfig) -> bool:
    """Return whether the corpus' own split is followed, at least in part."""
    return bool(official_splits(parts, config))


def assign_splits(batch: pa.RecordBatch, *, config: SplitConfig, official: frozenset[str]) -> pa.StringArray:
    """Return train, dev or test for each sequence of `batch`.

    Dev and test that the corpus declares (`official`) stay as they are. All other sequences stand by the
    hash of their document in [0, 1): those below the share of test are test, the next ones dev, the rest
    train; a dev or test that is official takes none of them. So the split of a document depends on nothing
    but its own id, and a corpus that grows moves no sequence from train to test.
    """
    position = hash_strings(batch.column(DOCUMENT_ID)) * 2.0**-64
    takes_test = (position < config.test) & ("test" not in official)
    takes_dev = (position >= config.test) & (position < config.test + config.dev) & ("dev" not in official)
    split = np.select([takes_test, takes_dev], [2, 1], default=0)
    labels = batch.column(SPLIT)
    for number, name in enumerate(SPLITS):
        if name in official and name != "train":
            split[pc.equal(labels, name).fill_null(False).to_numpy(zero_copy_only=False)] = number
    return pa.array(SPLITS, pa.string()).take(pa.array(split))


def _labels(parts: Sequence[Path]) -> Iterator[pa.ChunkedArray]:
    for part in parts:
        with pq.ParquetFile(part) as file:
            for group in range(file.num_row_groups):
                yield file.read_row_group(group, columns=[SPLIT]).column(SPLIT)
