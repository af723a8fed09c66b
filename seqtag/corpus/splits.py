"""Which sequence is train, dev or test: as the corpus declares it, else by a hash of its document."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from seqtag.config import SPLITS, SchemeName, SplitConfig
from seqtag.corpus.schema import DEFECT, DOCUMENT_ID, SEQUENCE_ID, SPLIT, TAGS, TOKENS
from seqtag.errors import CorpusRejectedError
from seqtag.hashing import hash_strings
from seqtag.scoring.schemes import convert_tags

ROW = "row"  # position of a sequence over all parts of the snapshot, from 0
_TOKENS_A_ROW_GROUP = 2**20  # what a reader of a split holds at a time
_DICTIONARY_BYTES = 2**24  # all distinct tokens of a row group, so that readers need not look at every one

_log = logging.getLogger(__name__)


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


def split_schema(corpus: pa.Schema) -> pa.Schema:
    """Return the schema of a split file: `row`, then the corpus' columns without `defect`."""
    row = pa.field(ROW, pa.int64(), nullable=False)
    fields = [field.with_nullable(False) if field.name == SPLIT else field for field in corpus]
    return pa.schema([row, *(field for field in fields if field.name not in (ROW, DEFECT))])


def split_corpus(
    parts: Sequence[Path],
    *,
    quarantined: npt.NDArray[np.int64],
    config: SplitConfig,
    scheme: SchemeName,
    train_scheme: SchemeName,
    folder: Path,
) -> None:
    """Write train.parquet, dev.parquet and test.parquet into `folder`, one row group at a time.

    Args:
        parts: the Parquet files of the snapshot in reading order.
        quarantined: `<int64>[n]`, sorted, the rows to leave out, counted from 0 over all parts.
        scheme: the scheme that the tags are in; unless it is "none", they are converted to `train_scheme`.

    Raises:
        CorpusRejectedError: a split stays empty, or a sequence has not as many tags as tokens.
    """
    official = official_splits(parts, config)
    counts: dict[str, int] = dict.fromkeys(SPLITS, 0)
    with ExitStack() as stack:
        files: dict[str, _SplitFile] = {}
        for batch in _sound_batches(parts, quarantined):
            _check_alignment(batch)
            if scheme != "none":
                batch = _with(batch, TAGS, convert_tags(batch.column(TAGS), scheme, train_scheme))
            batch = _with(batch, SPLIT, assign_splits(batch, config=config, official=official))
            for name in pc.unique(batch.column(SPLIT)).to_pylist():
                if name not in files:
                    path = folder / f"{name}.parquet"
                    files[name] = stack.enter_context(_SplitFile(path, split_schema(batch.schema)))
                part = batch.filter(pc.equal(batch.column(SPLIT), name))
                files[name].append(part)
                counts[name] += len(part)
    _check_none_is_empty(counts, official)
    _log.info("split: %s sequences", ", ".join(f"{counts[name]:,} {name}" for name in SPLITS))


def sequence_ids(split: Path, rows: Sequence[int]) -> list[str]:
    """Return the ids of the sequences in these rows of the snapshot, all of them in one split's file."""
    table = pq.read_table(split, columns=[ROW, SEQUENCE_ID], filters=[(ROW, "in", rows)])
    found = dict(zip(*(table[name].to_pylist() for name in (ROW, SEQUENCE_ID)), strict=True))
    return [found[row] for row in rows]


def _labels(parts: Sequence[Path]) -> Iterator[pa.ChunkedArray]:
    for part in parts:
        with pq.ParquetFile(part) as file:
            for group in range(file.num_row_groups):
                yield file.read_row_group(group, columns=[SPLIT]).column(SPLIT)


def _sound_batches(parts: Sequence[Path], quarantined: npt.NDArray[np.int64]) -> Iterator[pa.RecordBatch]:
    """Yield each row group as one batch, with row numbers and without the quarantined sequences."""
    first_row = 0
    for part in parts:
        with pq.ParquetFile(part) as file:
            for group in range(file.num_row_groups):
                for batch in file.read_row_group(group).combine_chunks().to_batches():
                    rows = np.arange(first_row, first_row + len(batch), dtype=np.int64)
                    first_row += len(batch)
                    start, stop = np.searchsorted(quarantined, [rows[0], first_row])
                    is_sound = np.ones(len(batch), dtype=np.bool_)
                    is_sound[quarantined[start:stop] - rows[0]] = False
                    numbered = batch.add_column(0, pa.field(ROW, pa.int64(), nullable=False), pa.array(rows))
                    yield numbered.filter(pa.array(is_sound))


def _with(batch: pa.RecordBatch, name: str, column: pa.Array) -> pa.RecordBatch:
    number = batch.schema.get_field_index(name)
    return batch.set_column(number, batch.schema.field(number), column)


def _check_alignment(batch: pa.RecordBatch) -> None:
    n_tokens = pc.list_value_length(batch.column(TOKENS))
    n_tags = pc.list_value_length(batch.column(TAGS))
    torn = pc.fill_null(pc.not_equal(n_tokens, n_tags), False)
    if pc.any(torn).as_py():
        first = pc.index(torn, True).as_py()
        raise CorpusRejectedError(
            f"row {batch.column(ROW)[first]}: as many tags as tokens were required. Received: "
            f"{n_tags[first]} tags for {n_tokens[first]} tokens. Set quality.rules.length_mismatch to "
            '"quarantine"'
        )


def _check_none_is_empty(counts: Mapping[str, int], official: frozenset[str]) -> None:
    empty = [name for name in SPLITS if not counts[name]]
    if empty:
        received = ", ".join(f"{counts[name]} {name}" for name in SPLITS)
        declared = (
            f"the corpus declares {', '.join(sorted(official))}" if official else "by hash of document_id"
        )
        raise CorpusRejectedError(
            f"at least one sequence in each split was required. Received: {received} ({declared}). "
            f"Declare a source for {' and '.join(empty)}, raise its share in [split], or add documents"
        )


class _SplitFile:
    """One split's Parquet file, whose row groups depend on the sequences alone, not on how they came.

    A row group ends with the sequence that fills it up to `_TOKENS_A_ROW_GROUP`.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._writer = pq.ParquetWriter(
            path, schema, compression="zstd", dictionary_pagesize_limit=_DICTIONARY_BYTES
        )
        self._schema = schema
        self._waiting: list[pa.RecordBatch] = []
        self._n_tokens = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._waiting:
            self._write(pa.Table.from_batches(self._waiting))
        self._writer.close()

    def append(self, batch: pa.RecordBatch) -> None:
        self._waiting.append(batch.select(self._schema.names).cast(self._schema))
        self._n_tokens += pc.sum(pc.list_value_length(batch.column(TOKENS))).as_py() or 0
        while self._n_tokens >= _TOKENS_A_ROW_GROUP:
            table = pa.Table.from_batches(self._waiting)
            filled = np.cumsum(pc.list_value_length(table.column(TOKENS)).to_numpy())
            n_rows = int(np.searchsorted(filled, _TOKENS_A_ROW_GROUP)) + 1
            self._write(table.slice(0, n_rows))
            self._waiting = table.slice(n_rows).to_batches()
            self._n_tokens -= int(filled[n_rows - 1])

    def _write(self, table: pa.Table) -> None:
        # one chunk per column: where pages end must not depend on how the sequences came
        self._writer.write_table(table.combine_chunks(), row_group_size=len(table))
