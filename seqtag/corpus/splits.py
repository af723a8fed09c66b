"""Write the files of train, dev and test, one row group at a time."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from seqtag.config import SPLITS, SchemeName, SplitConfig
from seqtag.corpus.schema import DEFECT, SEQUENCE_ID, SPLIT, TAGS, TOKENS
from seqtag.corpus.split_plan import (
    SplitPlan,
    assign_splits,
    count_origins,
    describe_origins,
    origins_sentence,
    plan_splits,
)
from seqtag.corpus.untagged import lost_sentence, trained_tags
from seqtag.errors import CorpusRejectedError
from seqtag.io.arrays import with_column
from seqtag.io.row_groups import RowGroupWriter, read_row_groups
from seqtag.tagging.spelling import CANONICAL_SPELLING, Spelling

ROW = "row"  # number of a sequence over all parts of the snapshot, from 0
_ROW_GROUP_TOKENS = 2**20  # readers of a split hold one row group in memory
_DICTIONARY_BYTES = 2**24  # fits all distinct tokens of a row group, so that readers need not look at each

_log = logging.getLogger(__name__)


def split_schema(corpus: pa.Schema) -> pa.Schema:
    """Return the schema of a split file: `row`, then the columns of the corpus without `defect`."""
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
    spelling: Spelling = CANONICAL_SPELLING,
    folder: Path,
    mark: str | None = None,
) -> None:
    """Write train.parquet, dev.parquet and test.parquet into `folder`, one row group at a time.

    Args:
        parts: Parquet files of the snapshot, in reading order.
        quarantined: `<int64>[n]`, sorted: rows to leave out, counted from 0 over all parts.
        scheme: scheme of the tags, which are converted to `train_scheme` unless it is "none".
        spelling: spelling of the tags.
        mark: as for `known_tags`; unknown tags are null in the files.

    Raises:
        CorpusRejectedError: a split is empty, mode "official" lacks a label, or a sequence does not have as
            many tags as tokens.
    """
    plan = plan_splits(parts, config)
    _check_official(plan)
    origins, n_lost = np.zeros((len(SPLITS) + 1, len(SPLITS)), np.int64), 0
    with ExitStack() as stack:
        files: dict[str, RowGroupWriter] = {}
        for batch in _sound_batches(parts, quarantined):
            _check_alignment(batch)
            tags, n = trained_tags(
                batch.column(TAGS), mark=mark, scheme=scheme, spelling=spelling, train_scheme=train_scheme
            )
            n_lost += n
            batch = with_column(batch, TAGS, tags)
            labels, schema = plan.labels(batch), split_schema(batch.schema)
            split = assign_splits(batch, plan=plan)
            batch = with_column(batch, SPLIT, split)
            origins += count_origins(labels, pc.index_in(split, pa.array(SPLITS)).to_numpy().astype(np.int8))
            for name in pc.unique(split).to_pylist():
                if name not in files:
                    files[name] = stack.enter_context(_split_file(folder / f"{name}.parquet", schema))
                part = batch.filter(pc.equal(batch.column(SPLIT), name))
                files[name].append(pa.table(part.select(schema.names)).cast(schema))
    counts = dict(zip(SPLITS, origins.sum(axis=0).tolist(), strict=True))
    origin = origins_sentence(describe_origins(plan, origins))
    _check_none_is_empty(counts, origin)
    _log.info("split: %s sequences; %s", ", ".join(f"{counts[name]:,} {name}" for name in SPLITS), origin)
    if n_lost:
        _log.warning("split: %s", lost_sentence(n_lost, train_scheme))


def sequence_ids(split: Path, rows: Sequence[int]) -> list[str]:
    """Return the ids of sequences by row of the snapshot; all must be in the file of one split."""
    table = pq.read_table(split, columns=[ROW, SEQUENCE_ID], filters=[(ROW, "in", rows)])
    found = dict(zip(*(table[name].to_pylist() for name in (ROW, SEQUENCE_ID)), strict=True))
    return [found[row] for row in rows]


def _sound_batches(parts: Sequence[Path], quarantined: npt.NDArray[np.int64]) -> Iterator[pa.RecordBatch]:
    """Yield each row group as one batch, with row numbers and without the quarantined sequences."""
    for first_row, batch in read_row_groups(parts):
        rows = np.arange(first_row, first_row + len(batch), dtype=np.int64)
        start, stop = np.searchsorted(quarantined, [first_row, first_row + len(batch)])
        is_sound = np.ones(len(batch), dtype=np.bool_)
        is_sound[quarantined[start:stop] - first_row] = False
        numbered = batch.add_column(0, pa.field(ROW, pa.int64(), nullable=False), pa.array(rows))
        yield numbered.filter(pa.array(is_sound))


def _split_file(path: Path, schema: pa.Schema) -> RowGroupWriter:
    return RowGroupWriter(
        path,
        schema,
        size=_ROW_GROUP_TOKENS,
        weigh=lambda table: pc.list_value_length(table.column(TOKENS)).to_numpy(),
        dictionary_pagesize_limit=_DICTIONARY_BYTES,
    )


def _check_alignment(batch: pa.RecordBatch) -> None:
    n_tokens = pc.list_value_length(batch.column(TOKENS))
    n_tags = pc.list_value_length(batch.column(TAGS))
    differ = pc.fill_null(pc.not_equal(n_tokens, n_tags), False)
    if pc.any(differ).as_py():
        first = pc.index(differ, True).as_py()
        raise CorpusRejectedError(
            f"row {batch.column(ROW)[first]}: tags and tokens differ in number: expected as many tags as "
            f"tokens, got {n_tags[first]} tags for {n_tokens[first]} tokens; set "
            'quality.rules.length_mismatch to "quarantine"'
        )


def _check_official(plan: SplitPlan) -> None:
    complete = all(plan.n_labelled.values()) and not plan.n_unlabelled
    if plan.config.mode == "official" and not complete:
        found = ", ".join(f"{plan.n_labelled[name]} {name}" for name in SPLITS)
        raise CorpusRejectedError(
            "official split is incomplete: expected a label train, dev or test for every sequence, and each "
            f"of them at least once, got {found}, {plan.n_unlabelled} without such a label; label the "
            'sources, or set split.mode = "auto"'
        )


def _check_none_is_empty(counts: Mapping[str, int], origin: str) -> None:
    empty = [name for name in SPLITS if not counts[name]]
    if empty:
        found = ", ".join(f"{counts[name]} {name}" for name in SPLITS)
        raise CorpusRejectedError(
            f"{' and '.join(empty)} would be empty: expected a sequence in each split, got {found} "
            f"({origin}); declare a source for {' and '.join(empty)}, raise its share in [split], or add "
            "documents"
        )
