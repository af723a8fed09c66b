"""Changes of a corpus from one run to another: sequences by split and by source, documents, and tags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config import SPLITS, SchemeName, Split
from seqtag.corpus.schema import DOCUMENT_ID, SEQUENCE_ID, TAGS, TOKENS
from seqtag.corpus.source_report import SourceRecord
from seqtag.io.hashing import hash_pairs, hash_sequences, hash_strings
from seqtag.io.row_groups import read_row_groups
from seqtag.records import Record
from seqtag.tagging.schemes import PREFIXES, read_tags

_FIRST = [PREFIXES.index("B"), PREFIXES.index("S")]  # prefixes of the first token of a span


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
class SizeChange:
    """A number in the earlier run and in this one."""

    before: int
    now: int


@dataclass(frozen=True)
class CorpusChanges(Record):
    """corpus_changes.json."""

    FORMAT: ClassVar[str] = "corpus_changes/2"

    since: str  # the run that it is compared with
    version: str  # of that run's model
    splits: Mapping[Split, SplitChanges]
    sources: Mapping[str, SizeChange]  # sequences read from each source, before quarantine
    unit: Literal["span", "token"]  # what `types` counts
    types: Mapping[str, Mapping[Split, SizeChange]]  # type of spans, or tag, in either run
    new_documents: int
    removed_documents: int


@dataclass(frozen=True)
class RunCorpus:
    """The corpus of a run: the files of its splits, and how many sequences each source has."""

    splits: Mapping[Split, Path]
    sources: Sequence[SourceRecord]


def corpus_changes(
    earlier: RunCorpus, current: RunCorpus, *, scheme: SchemeName, since: str, version: str
) -> CorpusChanges:
    """Compare the corpora of two runs; memory holds 25 bytes for each sequence of both.

    Args:
        scheme: of the tags in the splits; with "none", tokens are counted by tag, else spans by type.

    Raises:
        OSError, pa.ArrowException: a file is missing or damaged.
    """
    old, new = _Sequences.of(earlier.splits), _Sequences.of(current.splits)
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
    before, now = ({name: _by_type(each.n_tags[name], scheme) for name in SPLITS} for each in (old, new))
    names = sorted({name for counts in (*before.values(), *now.values()) for name in counts})
    return CorpusChanges(
        since=since,
        version=version,
        splits=splits,
        sources=_by_source(earlier.sources, current.sources),
        unit="token" if scheme == "none" else "span",
        types={
            name: {split: SizeChange(before[split][name], now[split][name]) for split in SPLITS}
            for name in names
        },
        new_documents=len(documents[1]) - n_common,
        removed_documents=len(documents[0]) - n_common,
    )


def _by_source(earlier: Sequence[SourceRecord], current: Sequence[SourceRecord]) -> dict[str, SizeChange]:
    """Return the sequences of each source, current ones first; {} if those of a run are unknown."""
    if not earlier or not current:
        return {}
    before, now = Counter[str](), Counter[str]()
    for counts, records in ((before, earlier), (now, current)):
        for record in records:
            counts[record.name] += record.n_sequences
    return {name: SizeChange(before[name], now[name]) for name in {**now, **before}}


def _by_type(n_tags: Counter[str], scheme: SchemeName) -> Counter[str]:
    """Return the tokens of each tag, or the spans of each type: in IOB2 and IOBES, tokens with B or S."""
    if scheme == "none":
        return n_tags
    prefixes, type_ids, types = read_tags(tuple(n_tags))
    spans: Counter[str] = Counter()
    for number, prefix, type_id in zip(n_tags.values(), prefixes, type_ids, strict=True):
        if prefix in _FIRST:
            spans[types[type_id]] += number
    return spans


@dataclass(frozen=True, eq=False)
class _Sequences:
    """Hashes of sequences, each `<uint64>[n]`, and the number of their split, `<int8>[n]`."""

    sequence: npt.NDArray[np.uint64]  # of id and tokens
    document: npt.NDArray[np.uint64]
    tags: npt.NDArray[np.uint64]
    split: npt.NDArray[np.int8]
    n_tags: Mapping[Split, Counter[str]]  # tokens of each tag

    @classmethod
    def of(cls, files: Mapping[Split, Path]) -> _Sequences:
        none = np.zeros(0, np.uint64)
        sequences, documents, tags, splits = [none], [none], [none], [np.zeros(0, np.int8)]
        n_tags: dict[Split, Counter[str]] = {name: Counter() for name in SPLITS}
        for number, name in enumerate(SPLITS):
            for _, batch in read_row_groups([files[name]], [SEQUENCE_ID, DOCUMENT_ID, TOKENS, TAGS]):
                ids, tokens = hash_strings(batch.column(SEQUENCE_ID)), hash_sequences(batch.column(TOKENS))
                sequences.append(hash_pairs(ids, tokens))
                documents.append(hash_strings(batch.column(DOCUMENT_ID)))
                tags.append(hash_sequences(batch.column(TAGS)))
                splits.append(np.full(len(batch), number, np.int8))
                n_tags[name] += _tokens_per_tag(batch.column(TAGS))
        return cls(
            sequence=np.concatenate(sequences),
            document=np.concatenate(documents),
            tags=np.concatenate(tags),
            split=np.concatenate(splits),
            n_tags=n_tags,
        )


def _tokens_per_tag(tags: pa.ListArray) -> Counter[str]:
    counted = pc.value_counts(tags.flatten().drop_null()).to_pylist()
    return Counter({each["values"]: each["counts"] for each in counted})
