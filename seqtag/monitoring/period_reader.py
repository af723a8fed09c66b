"""Read snapshots, splits, predictions and tagged logs as batches of one schema."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj
import pyarrow.parquet as pq

from seqtag.config import CutConfig, SchemeName
from seqtag.corpus.cut_points import cut_points
from seqtag.corpus.schema import DEFECT, DOCUMENT_ID, TAGS, TOKENS
from seqtag.corpus.splits import ROW
from seqtag.corpus.untagged import known_tags
from seqtag.errors import CorpusFormatError
from seqtag.evaluation.predictions import PREDICTED
from seqtag.io.arrays import mask_of
from seqtag.io.hashing import string_list_columns
from seqtag.monitoring.validity import CONFIDENCE, IN_TRAIN, valid_sequences
from seqtag.tagging.partial_tags import convert_known_tags
from seqtag.tagging.ragged import flatten, relist
from seqtag.tagging.spelling import CANONICAL_SPELLING, Spelling, respell

_LISTS = {
    **dict.fromkeys((TOKENS, TAGS, PREDICTED), pa.list_(pa.string())),
    CONFIDENCE: pa.list_(pa.float32()),
}
_VERSION = "model_version"
_SUFFIXES = (".parquet", ".jsonl")
_LONG_LINES = pj.ReadOptions(block_size=1 << 24)  # bytes per read, which limits the length of a line


def read_labelled(
    paths: Sequence[Path],
    *,
    scheme: SchemeName,
    spelled: SchemeName,
    spelling: Spelling = CANONICAL_SPELLING,
    further: Sequence[str] = (),
    mark: str | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield document, tokens, their columns, tags and `defect` of Parquet files, with `further` columns.

    Args:
        scheme: scheme of the tags.
        spelled: scheme to convert them to.
        spelling: spelling of the tags.
        mark: as for `known_tags`; None: an untagged token breaks its sequence.

    Raises:
        CorpusFormatError: a file is damaged or has the wrong format.
    """
    for path in paths:
        columns = [DOCUMENT_ID, TOKENS, TAGS, DEFECT, *further]
        for batch in _parquet(path, columns, needed=[TOKENS], with_token_columns=True):
            yield _converted(batch, scheme, spelled, spelling, mark=mark)


def read_reference(
    parts: Sequence[Path],
    *,
    train: Path,
    scheme: SchemeName,
    spelled: SchemeName,
    spelling: Spelling = CANONICAL_SPELLING,
    further: Sequence[str] = (),
    mark: str | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield a snapshot like `read_labelled`, with the column `IN_TRAIN`.

    Args:
        train: train split of that snapshot.

    Raises:
        CorpusFormatError: a file is damaged or has the wrong format.
    """
    rows = [batch.column(ROW).to_numpy() for batch in _parquet(train, [ROW], needed=[ROW])]
    trained = np.sort(np.concatenate([np.zeros(0, np.int64), *rows]))
    first = 0
    labelled = read_labelled(
        parts, scheme=scheme, spelled=spelled, spelling=spelling, further=further, mark=mark
    )
    for batch in labelled:
        start, stop = np.searchsorted(trained, [first, first + batch.num_rows])
        in_train = np.zeros(batch.num_rows, np.bool_)
        in_train[trained[start:stop] - first] = True
        first += batch.num_rows
        yield batch.append_column(IN_TRAIN, pa.array(in_train))


def read_tagged(
    path: Path,
    *,
    scheme: SchemeName,
    spelled: SchemeName,
    cut: CutConfig | None = None,
    version: str | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield tokens, predicted tags and confidence from a file or a folder of files.

    Reads Parquet (predictions of the pipeline) and JSON Lines (output of `seqtag tag`). Tags come from
    `predicted` or, in logs of seqtag 0.1.0, from `tags`.

    Args:
        scheme: scheme of the tags.
        spelled: scheme to convert them to.
        cut: rule by which the corpus was cut; logs have whole sequences.
        version: of the model whose output to read; in Parquet, sequences with another `model_version` are
            left out. None: all.

    Raises:
        CorpusFormatError: there are no files, or one is damaged or has the wrong format.
    """
    files = sorted(p for p in path.rglob("*") if p.suffix in _SUFFIXES) if path.is_dir() else [path]
    if not files:
        raise CorpusFormatError(f"{path}: no files found; expected {' or '.join(_SUFFIXES)}")
    for file in files:
        columns = [DOCUMENT_ID, TOKENS, PREDICTED, TAGS, CONFIDENCE, _VERSION]
        batches = _json(file) if file.suffix == ".jsonl" else _parquet(file, columns, needed=[TOKENS])
        for batch in batches:
            tagged = _as_tagged(batch if version is None else _of_version(batch, version), file)
            if cut is not None:
                tagged = _in_pieces(tagged, cut, has_spans=scheme != "none")
            yield _converted(tagged, scheme, spelled)


def _of_version(batch: pa.RecordBatch, version: str) -> pa.RecordBatch:
    """Return the sequences that a version tagged, and those of which it is not known."""
    if _VERSION not in batch.schema.names:
        return batch
    tagged_by = batch.column(_VERSION).cast(pa.string())
    return batch.filter(pc.fill_null(pc.equal(tagged_by, version), True))


def _in_pieces(batch: pa.RecordBatch, rule: CutConfig, *, has_spans: bool) -> pa.RecordBatch:
    """Return sequences in pieces, as the corpus has them; one with another number of tags is not cut."""
    tokens = batch.column(TOKENS)
    lists = [name for name in batch.schema.names if name in _LISTS]
    alike = [pc.equal(pc.list_value_length(tokens), pc.list_value_length(batch.column(n))) for n in lists]
    is_cut = mask_of(reduce(pc.and_, alike))
    tags = batch.column(TAGS) if has_spans else None
    positions = cut_points(tokens, rule, tags=tags, is_cut=is_cut).positions
    if not len(positions):
        return batch
    _, offsets = flatten(tokens)
    owner = np.searchsorted(offsets, positions, side="right") - 1  # row of each cut
    rows = pa.array(np.repeat(np.arange(len(batch)), np.bincount(owner, minlength=len(batch)) + 1))
    columns = {}
    for name in batch.schema.names:
        columns[name] = batch.column(name).take(rows)
        if name in _LISTS:
            values, starts = flatten(batch.column(name))
            begins = np.sort(np.append(starts, starts[owner] + positions - offsets[owner]))
            columns[name] = relist(values, begins, like=columns[name])
    return pa.RecordBatch.from_pydict(columns)


def _as_tagged(batch: pa.RecordBatch, path: Path) -> pa.RecordBatch:
    """Use the predicted tags as tags, ignoring any gold tags."""
    names = batch.schema.names
    source = PREDICTED if PREDICTED in names else TAGS
    missing = [name for name in (TOKENS, source) if name not in names]
    if missing:
        raise CorpusFormatError(f"{path}: missing columns: {', '.join(missing)}")
    kept = {TOKENS: TOKENS, source: TAGS} | ({CONFIDENCE: CONFIDENCE} if CONFIDENCE in names else {})
    kept |= {DOCUMENT_ID: DOCUMENT_ID} if DOCUMENT_ID in names else {}
    return pa.RecordBatch.from_pydict({new: batch.column(name) for name, new in kept.items()})


def _converted(
    batch: pa.RecordBatch,
    scheme: SchemeName,
    spelled: SchemeName,
    spelling: Spelling = CANONICAL_SPELLING,
    *,
    mark: str | None = None,
) -> pa.RecordBatch:
    """Convert tags to the model's scheme and spelling.

    Tags outside the scheme stay as they are, so their sequences count as broken.
    """
    if TAGS not in batch.schema.names or (scheme == spelled == "none" and mark is None):
        return batch
    place = batch.schema.get_field_index(TAGS)
    tags = known_tags(batch.column(TAGS), mark)
    batch = batch.set_column(place, TAGS, tags if scheme == "none" else respell(tags, spelling))
    if scheme == spelled:
        return batch
    usable = valid_sequences(batch, scheme=scheme, partial=mark is not None).usable
    tags = batch.column(TAGS)
    good = convert_known_tags(tags.filter(pa.array(usable)), scheme, spelled)
    bad = tags.filter(pa.array(~usable))
    # from broken-first back to the original order
    order = usable.argsort(kind="stable").argsort(kind="stable")
    both = pa.concat_arrays([bad, good.cast(bad.type)]).take(pa.array(order))
    return batch.set_column(place, TAGS, both)


def _parquet(
    path: Path, columns: Sequence[str], *, needed: Sequence[str], with_token_columns: bool = False
) -> Iterator[pa.RecordBatch]:
    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            present = file.schema_arrow.names
            missing = [name for name in needed if name not in present]
            if missing:
                raise CorpusFormatError(f"{path}: missing columns: {', '.join(missing)}")
            read = [name for name in columns if name in present]
            if with_token_columns:
                read += string_list_columns(file.schema_arrow, without=read)
            for batch in file.iter_batches(columns=read):
                yield _cast(batch, path)
    except (OSError, pa.ArrowException) as error:
        raise CorpusFormatError(f"{path}: not a readable Parquet file: {error}") from error


def _json(path: Path) -> Iterator[pa.RecordBatch]:
    schema = pa.schema(list(_LISTS.items()))
    options = pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    try:
        with pj.open_json(path, _LONG_LINES, options) as reader:
            for batch in reader:
                predicted = pc.coalesce(batch[PREDICTED], batch[TAGS])
                yield batch.set_column(batch.schema.get_field_index(PREDICTED), PREDICTED, predicted)
    except (OSError, pa.ArrowException) as error:
        raise CorpusFormatError(f"{path}: not readable as JSON Lines: {error}") from error


def _cast(batch: pa.RecordBatch, path: Path) -> pa.RecordBatch:
    for name, type_ in _LISTS.items():
        place = batch.schema.get_field_index(name)
        if place >= 0 and batch.column(place).type != type_:
            try:
                batch = batch.set_column(place, name, pc.cast(batch.column(place), type_))
            except pa.ArrowException as error:
                raise CorpusFormatError(
                    f"{path}: column {name!r} cannot be read as {type_}: {error}"
                ) from error
    return batch
