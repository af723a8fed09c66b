"""Read what is compared: snapshots, splits, predictions and tagged logs, as batches of one form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj
import pyarrow.parquet as pq

from seqtag.config import SchemeName
from seqtag.corpus.schema import DEFECT, DOCUMENT_ID, TAGS, TOKENS
from seqtag.corpus.splits import ROW
from seqtag.corpus.untagged import known_tags
from seqtag.errors import CorpusFormatError
from seqtag.evaluation.predictions import PREDICTED
from seqtag.monitoring.validity import CONFIDENCE, IN_TRAIN, valid_sequences
from seqtag.tagging.partial_tags import convert_known_tags
from seqtag.tagging.spelling import CANONICAL_SPELLING, Spelling, respell

_LISTS = {
    **dict.fromkeys((TOKENS, TAGS, PREDICTED), pa.list_(pa.string())),
    CONFIDENCE: pa.list_(pa.float32()),
}
_SUFFIXES = (".parquet", ".jsonl")
_LONG_LINES = pj.ReadOptions(block_size=1 << 24)  # bytes, and so the longest line; a read holds so many


def read_labelled(
    paths: Sequence[Path],
    *,
    scheme: SchemeName,
    spelled: SchemeName,
    spelling: Spelling = CANONICAL_SPELLING,
    further: Sequence[str] = (),
    mark: str | None = None,
) -> Iterator[pa.RecordBatch]:
    """Give document, tokens, tags and `defect` of Parquet files, with `further` columns.

    Args:
        scheme: what the tags are in.
        spelled: what they are converted to.
        spelling: how they are spelled.
        mark: as for `known_tags`; None: a token without a tag breaks its sequence.

    Raises:
        CorpusFormatError: a file is damaged or is another one.
    """
    for path in paths:
        for batch in _parquet(path, [DOCUMENT_ID, TOKENS, TAGS, DEFECT, *further], needed=[TOKENS]):
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
    """Give a snapshot as `read_labelled` does, with the column `IN_TRAIN`.

    Args:
        train: the train split of that snapshot.

    Raises:
        CorpusFormatError: a file is damaged or is another one.
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


def read_tagged(path: Path, *, scheme: SchemeName, spelled: SchemeName) -> Iterator[pa.RecordBatch]:
    """Give tokens, the tags that a model gave, and its confidence, of a file or of a folder of files.

    Parquet as the pipeline's predictions, or JSON Lines as `seqtag tag` writes them. The tags are those in
    `predicted`; where there are none, as in logs of seqtag 0.1.0, those in `tags`.

    Raises:
        CorpusFormatError: there is none, or one is damaged or is another one.
    """
    files = sorted(p for p in path.rglob("*") if p.suffix in _SUFFIXES) if path.is_dir() else [path]
    if not files:
        raise CorpusFormatError(f"{path}: files of {' or '.join(_SUFFIXES)} were required. Received: none")
    for file in files:
        columns = [DOCUMENT_ID, TOKENS, PREDICTED, TAGS, CONFIDENCE]
        batches = _json(file) if file.suffix == ".jsonl" else _parquet(file, columns, needed=[TOKENS])
        for batch in batches:
            yield _converted(_as_tagged(batch, file), scheme, spelled)


def _as_tagged(batch: pa.RecordBatch, path: Path) -> pa.RecordBatch:
    """Take what the model said for the tags: gold tags, where there are any too, are another matter."""
    names = batch.schema.names
    said = PREDICTED if PREDICTED in names else TAGS
    missing = [name for name in (TOKENS, said) if name not in names]
    if missing:
        raise CorpusFormatError(f"{path}: columns {TOKENS} and {said} were required. Missing: {missing}")
    kept = {TOKENS: TOKENS, said: TAGS} | ({CONFIDENCE: CONFIDENCE} if CONFIDENCE in names else {})
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
    """Spell tags as the model does; those that no scheme has stay, and their sequences count as broken."""
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
    order = usable.argsort(kind="stable").argsort(kind="stable")  # broken ones first, then back in place
    both = pa.concat_arrays([bad, good.cast(bad.type)]).take(pa.array(order))
    return batch.set_column(place, TAGS, both)


def _parquet(path: Path, columns: Sequence[str], *, needed: Sequence[str]) -> Iterator[pa.RecordBatch]:
    try:
        with pq.ParquetFile(path) as file:
            present = file.schema_arrow.names
            missing = [name for name in needed if name not in present]
            if missing:
                raise CorpusFormatError(f"{path}: columns {list(needed)} were required. Missing: {missing}")
            for batch in file.iter_batches(columns=[name for name in columns if name in present]):
                yield _cast(batch, path)
    except (OSError, pa.ArrowException) as error:
        raise CorpusFormatError(f"{path}: a Parquet file was required. Received: {error}") from error


def _json(path: Path) -> Iterator[pa.RecordBatch]:
    schema = pa.schema(list(_LISTS.items()))
    options = pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    try:
        with pj.open_json(path, _LONG_LINES, options) as reader:
            for batch in reader:
                predicted = pc.coalesce(batch[PREDICTED], batch[TAGS])
                yield batch.set_column(batch.schema.get_field_index(PREDICTED), PREDICTED, predicted)
    except (OSError, pa.ArrowException) as error:
        raise CorpusFormatError(f"{path}: JSON Lines were required. Received: {error}") from error


def _cast(batch: pa.RecordBatch, path: Path) -> pa.RecordBatch:
    for name, type_ in _LISTS.items():
        place = batch.schema.get_field_index(name)
        if place >= 0 and batch.column(place).type != type_:
            try:
                batch = batch.set_column(place, name, pc.cast(batch.column(place), type_))
            except pa.ArrowException as error:
                raise CorpusFormatError(
                    f"{path}: {name} as {type_} was required. Received: {error}"
                ) from error
    return batch
