"""Changes of a corpus from one run to another: new, removed, moved and relabelled sequences of each split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from seqtag.config import SPLITS, Split
from seqtag.corpus.schema import DOCUMENT_ID, SEQUENCE_ID, TAGS, TOKENS
from seqtag.io.hashing import hash_pairs, hash_sequences, hash_strings
from seqtag.io.row_groups import read_row_groups
from seqtag.records import Record


@dataclass(frozen=True)
class SplitChanges:
    """Sequences of a split. The same id and tokens make the same sequence."""

    before: int
    now: int
    new: int  # in no split before
    removed: int  # in no split now
    moved_in: int  # from another split
    relabelled: int  # the same sequence in the same split, with other tags


@dataclass(frozen=True)
class CorpusChanges(Record):
    """corpus_changes.json."""

    FORMAT: ClassVar[str] = "corpus_changes/1"

    since: str  # the run that it is compared with
    version: str  # of that run's model
    splits: Mapping[Split, SplitChanges]
    new_documents: int
    removed_documents: int


def corpus_changes(
    before: Mapping[Split, Path], now: Mapping[Split, Path], *, since: str, version: str
) -> CorpusChanges:
    """Compare the splits of two runs; memory holds 25 bytes for each sequence of both.

    Raises:
        OSError, pa.ArrowException: a file is missing or damaged.
    """
    old, new = _Sequences.of(before), _Sequences.of(now)
    _, i, j = np.intersect1d(old.sequence, new.sequence, return_indices=True)
    is_kept_before, is_kept_now = np.zeros(len(old.sequence), np.bool_), np.zeros(len(new.sequence), np.bool_)
    is_kept_before[i], is_kept_now[j] = True, True
    stays = old.split[i] == new.split[j]
    is_relabelled = stays & (old.tags[i] != new.tags[j])
    splits: dict[Split, SplitChanges] = {}
    for number, name in enumerate(SPLITS):
        there, here = old.split == number, new.split == number
        splits[name] = SplitChanges(
            before=int(there.sum()),
            now=int(here.sum()),
            new=int((here & ~is_kept_now).sum()),
            removed=int((there & ~is_kept_before).sum()),
            moved_in=int((~stays & (new.split[j] == number)).sum()),
            relabelled=int((is_relabelled & (new.split[j] == number)).sum()),
        )
    documents = np.unique(old.document), np.unique(new.document)
    n_common = len(np.intersect1d(*documents, assume_unique=True))
    return CorpusChanges(since, version, splits, len(documents[1]) - n_common, len(documents[0]) - n_common)


@dataclass(frozen=True, eq=False)
class _Sequences:
    """Hashes of sequences, each `<uint64>[n]`, and the number of their split, `<int8>[n]`."""

    sequence: npt.NDArray[np.uint64]  # of id and tokens
    document: npt.NDArray[np.uint64]
    tags: npt.NDArray[np.uint64]
    split: npt.NDArray[np.int8]

    @classmethod
    def of(cls, files: Mapping[Split, Path]) -> _Sequences:
        none = np.zeros(0, np.uint64)
        sequences, documents, tags, splits = [none], [none], [none], [np.zeros(0, np.int8)]
        for number, name in enumerate(SPLITS):
            for _, batch in read_row_groups([files[name]], [SEQUENCE_ID, DOCUMENT_ID, TOKENS, TAGS]):
                ids, tokens = hash_strings(batch.column(SEQUENCE_ID)), hash_sequences(batch.column(TOKENS))
                sequences.append(hash_pairs(ids, tokens))
                documents.append(hash_strings(batch.column(DOCUMENT_ID)))
                tags.append(hash_sequences(batch.column(TAGS)))
                splits.append(np.full(len(batch), number, np.int8))
        return cls(
            sequence=np.concatenate(sequences),
            document=np.concatenate(documents),
            tags=np.concatenate(tags),
            split=np.concatenate(splits),
        )
