"""Assign sequences to train, dev and test: plan once from all labels, then apply batch by batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config import SPLITS, SplitConfig
from seqtag.config.source_columns import Split
from seqtag.corpus.schema import DOCUMENT_ID, SPLIT
from seqtag.formatting import plural
from seqtag.io.hash_counts import HashCounts, find_hashes
from seqtag.io.hashing import hash_strings
from seqtag.io.row_groups import read_row_groups

Pool = Literal["all", "unlabelled", "train"]

_UNLABELLED = -1  # number of a label that is null or unknown
_POOL_NAMES: Mapping[Pool, str] = {
    "all": "sequences whose labels are ignored",
    "unlabelled": "sequences without a split label",
    "train": "labelled train",
}


@dataclass(frozen=True)
class UnlabelledSplit:
    """A split that no source labels, and the pool of sequences that it was split off from."""

    split: Split
    n_sequences: int
    source: str  # name of the pool
    n_source: int  # sequences in the pool


@dataclass(frozen=True, eq=False)
class SplitPlan:
    """The labels of a corpus, and the sequences that splits without labels are split off from.

    A sequence labelled dev or test is in that split, and no others join a split that has labels. A split
    without labels is split off by the hash of the document: from the unlabelled sequences if there are any,
    else from train. In the table, "none" is a sequence without a label:

        labels that occur      train                    dev                    test
        ---------------------  -----------------------  ---------------------  ---------------------
        none                   the rest                 from unlabelled        from unlabelled
        train                  train without the rest   from train             from train
        train, dev             train without test       dev                    from train
        train, test            train without dev        from train             test
        train, dev, test       train                    dev                    test
        train, none            train and the rest       from unlabelled        from unlabelled
        train, dev, none       train and the rest       dev                    from unlabelled
        train, test, none      train and the rest       from unlabelled        test
        train, dev, test, none train and unlabelled     dev                    test
        dev, none              the rest                 dev                    from unlabelled
        test, none             the rest                 from unlabelled        test
        dev, test, none        unlabelled               dev                    test
        dev and/or test        empty: rejected          labels only            labels only

    Mode "hash" ignores all labels, as if none occurred. In mode "official" every sequence has a label and
    every split occurs; anything else is rejected.

    The unlabelled sequences of a document that is also labelled train follow it into train, so that a split
    without labels shares no document with train. A label that appears later (the first test file, a document
    now labelled train, the first unlabelled source) can therefore move other sequences from such a split into
    train, never from train into test.

    Attributes:
        n_labelled: sequences with each label, before quarantine.
        n_unlabelled: sequences without a label, before quarantine.
        train_documents: `<uint64>[n]`, sorted hashes of the documents that are labelled train and would be
            in dev or test by their hash. 8 bytes for one in five documents at the default shares; empty
            unless a split is split off from unlabelled sequences.
    """

    config: SplitConfig
    n_labelled: Mapping[Split, int]
    n_unlabelled: int
    train_documents: npt.NDArray[np.uint64]

    @property
    def pool(self) -> Pool:
        """The sequences that a split without labels is split off from."""
        if self.config.mode == "hash":
            return "all"
        return "unlabelled" if self.n_unlabelled else "train"

    @property
    def split_off(self) -> tuple[Split, ...]:
        """The splits without labels, which are split off from the pool."""
        if self.config.mode == "official":
            return ()
        names: tuple[Split, ...] = ("dev", "test")
        return tuple(name for name in names if self.pool == "all" or not self.n_labelled[name])

    def labels(self, batch: pa.RecordBatch) -> npt.NDArray[np.int8]:
        """Return `<int8>[n]`: the index in SPLITS of each sequence's label; -1 if missing or ignored."""
        if self.pool == "all":
            return np.full(len(batch), _UNLABELLED, np.int8)
        return _numbers(batch.column(SPLIT))


def plan_splits(parts: Sequence[Path], config: SplitConfig) -> SplitPlan:
    """Read the labels of all sequences and plan the splits.

    Reads the column of labels once. A second pass, over labels and document ids, is needed only if dev or
    test is split off from unlabelled sequences and other sequences are labelled train.
    """
    counts = np.zeros(len(SPLITS) + 1, np.int64)  # of -1, then by split
    if config.mode != "hash":
        for _, batch in read_row_groups(parts, [SPLIT]):
            counts += np.bincount(_numbers(batch.column(SPLIT)) + 1, minlength=len(counts))
    n_labelled = dict(zip(SPLITS, counts[1:].tolist(), strict=True))
    plan = SplitPlan(config, n_labelled, int(counts[0]), np.zeros(0, np.uint64))
    if plan.pool == "unlabelled" and plan.split_off and n_labelled["train"]:
        return SplitPlan(config, n_labelled, int(counts[0]), _train_documents(parts, config))
    return plan


def assign_splits(batch: pa.RecordBatch, *, plan: SplitPlan) -> pa.StringArray:
    """Return train, dev or test for each sequence of `batch`.

    A label decides unless it is ignored. The other sequences of the pool are placed by the hash of their
    document in [0, 1): test below the share of test, dev in the share of dev above it, train in the rest. The
    split of a document thus depends only on its id and its labels, and a growing corpus moves no sequence
    from train to test.
    """
    label = plan.labels(batch)
    documents = hash_strings(batch.column(DOCUMENT_ID))
    position = _positions(documents)
    in_pool = label == (SPLITS.index("train") if plan.pool == "train" else _UNLABELLED)
    in_pool &= ~find_hashes(documents, plan.train_documents)[1]
    is_test = in_pool & (position < plan.config.test)
    is_dev = in_pool & ~is_test & (position < plan.config.test + plan.config.dev)
    split = np.maximum(label, SPLITS.index("train"))
    for name, is_in_split in (("test", is_test), ("dev", is_dev)):
        if name in plan.split_off:
            split[is_in_split] = SPLITS.index(name)
    return pa.array(SPLITS, pa.string()).take(pa.array(split))


def count_origins(labels: npt.NDArray[np.int8], splits: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
    """Count sequences by label (first row: none) and split, `<int64>[1 + n_splits, n_splits]`."""
    n = len(SPLITS)
    return np.bincount((labels.astype(np.int64) + 1) * n + splits, minlength=(n + 1) * n).reshape(n + 1, n)


def describe_origins(plan: SplitPlan, origins: npt.NDArray[np.int64]) -> tuple[UnlabelledSplit, ...]:
    """Return the size of each split without labels, and the name and size of its pool.

    Args:
        origins: result of `count_origins`.
    """
    pool = origins[1 + SPLITS.index("train") if plan.pool == "train" else 0]
    return tuple(
        UnlabelledSplit(
            split=name,
            n_sequences=int(pool[SPLITS.index(name)]),
            source=_POOL_NAMES[plan.pool],
            n_source=int(pool.sum()),
        )
        for name in plan.split_off
    )


def origins_sentence(splits: Sequence[UnlabelledSplit]) -> str:
    """Say where dev and test come from.

    >>> origins_sentence([UnlabelledSplit("dev", n_sequences=1204, source="labelled train", n_source=12000)])
    'dev: 1,204 sequences split off from 12,000 labelled train'
    >>> origins_sentence([])
    'dev and test as labelled by the sources'
    """
    if not splits:
        return "dev and test as labelled by the sources"
    return "; ".join(
        f"{one.split}: {plural(one.n_sequences, 'sequence')} split off from {one.n_source:,} {one.source}"
        for one in splits
    )


def _numbers(labels: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.int8]:
    return pc.index_in(labels, pa.array(SPLITS)).fill_null(_UNLABELLED).to_numpy().astype(np.int8)


def _positions(documents: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    """Return `<float64>[n]` in [0, 1)."""
    return documents.astype(np.float64) * 2.0**-64


def _train_documents(parts: Sequence[Path], config: SplitConfig) -> npt.NDArray[np.uint64]:
    """Return the hashes for `SplitPlan.train_documents`."""
    known = HashCounts()
    for _, batch in read_row_groups(parts, [SPLIT, DOCUMENT_ID]):
        is_train = _numbers(batch.column(SPLIT)) == SPLITS.index("train")
        hashes = np.unique(hash_strings(batch.column(DOCUMENT_ID).filter(pa.array(is_train))))
        known.add(hashes[_positions(hashes) < config.test + config.dev])
    return known.numbers
