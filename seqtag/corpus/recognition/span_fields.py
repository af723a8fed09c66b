"""Recognise texts with labelled spans of characters, and the rule that cuts them into tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from seqtag.config.source_config import BratSource
from seqtag.corpus.files import InputFile
from seqtag.corpus.formats.annotations import Annotation, annotations_in, given_bounds, iob2
from seqtag.corpus.formats.brat import ANNOTATIONS, TEXT, annotation_file, read_brat
from seqtag.corpus.formats.span_texts import field_names, value_at
from seqtag.corpus.formats.tokenisation import Rule, token_bounds
from seqtag.corpus.recognition.order_roles import Columns
from seqtag.corpus.recognition.recognised import Recognised, summary_of
from seqtag.corpus.recognition.roles import Chosen, document_column, split_column
from seqtag.corpus.recognition.samples import columns_of_rows
from seqtag.corpus.source_report import SourceReport
from seqtag.formatting import plural

Row = dict[str, Any]
_TEXTS = ("text", "data.text", "content", "sentence")
_RULES: tuple[Rule, ...] = ("words", "whitespace")
_TRIED = 1000  # texts that are cut by each rule


def recognise_spans(rows: Sequence[Row], chosen: Chosen) -> Recognised | None:
    """Recognise objects with a text and spans; None if no field holds spans, or none a text."""
    names = list(dict.fromkeys(name for row in rows for name in field_names(row)))
    n_spans = {name: _n_spans(rows, name) for name in names}
    spans = chosen.tags or max(names, key=n_spans.__getitem__, default=None)
    if spans is None or not n_spans.get(spans):
        return None
    texts = [name for name in names if all(isinstance(value_at(row, name), str) for row in rows)]
    text = chosen.tokens or max(texts, key=lambda name: (name in _TEXTS, _size(rows, name)), default=None)
    if text is None:
        return None
    tried = [(value_at(row, text), annotations_in(value_at(row, spans)), row) for row in rows]
    pairs = [(t, s, row) for t, s, row in tried if isinstance(t, str) and isinstance(s, list)]
    rule, reason = _rule(pairs)
    keys: dict[str, object] = {"format": "jsonl-spans"}
    keys |= {} if text == "text" else {"text_column": text}
    keys |= {} if spans == "spans" else {"spans_column": spans}
    keys["tokenise"] = rule
    plain = _plain_columns(rows)
    labels = {"split_column": split_column(plain), "document_column": document_column(plain)}
    keys |= {key: column for key, column in labels.items() if column is not None}
    summary = summary_of("jsonl-spans", names, text, spans)
    return Recognised(keys, summary, (reason,), is_partial=any(s is None for _, s, _ in tried))


def is_brat(file: InputFile) -> bool:
    """Return whether a file is a text with annotations of brat next to it."""
    annotations = file.path.removesuffix(TEXT) + ANNOTATIONS
    return file.path.endswith(TEXT) and file.filesystem.exists(annotations)


def recognise_brat(file: InputFile) -> Recognised:
    """Recognise how a text of brat is cut into tokens.

    Raises:
        ConfigError, CorpusFormatError: as for `read_brat`.
    """
    found = {
        rule: sum(
            batch.num_rows - batch["defect"].null_count
            for batch in read_brat(
                BratSource(format="brat", path="-", tokenise=rule),
                file,
                annotation_file(file),
                (),
                SourceReport(),
            )
        )
        for rule in _RULES
    }
    rule, reason = _least(found, "line")
    summary = f"brat: texts in {TEXT}, spans in {ANNOTATIONS}; a line is a sequence"
    return Recognised({"format": "brat", "tokenise": rule}, summary, (reason,))


def _plain_columns(rows: Sequence[Row]) -> Columns:
    """Return the cells of fields that are no arrays, also of those in objects."""
    cells = [{name: value_at(row, name) for name in field_names(row)} for row in rows]
    names = dict.fromkeys(name for row in cells for name in row)
    return columns_of_rows(
        cells, [name for name in names if not any(isinstance(row.get(name), list) for row in cells)]
    )


def _n_spans(rows: Sequence[Row], name: str) -> int:
    found = [annotations_in(value_at(row, name)) for row in rows]
    return sum(len(each) for each in found if isinstance(each, list))


def _size(rows: Sequence[Row], name: str) -> int:
    return sum(len(str(value_at(row, name))) for row in rows)


def _rule(pairs: Sequence[tuple[str, list[Annotation], Row]]) -> tuple[str, str]:
    """Return the value of `tokenise`, and the reason for it."""
    if any(isinstance(given_bounds(row.get("tokens"), text), list) for text, _, row in pairs):
        return "given", 'tokens are given, so tokenise = "given"'
    misfits = {
        rule: sum(
            isinstance(iob2(text, token_bounds(text, rule), spans), str)
            for text, spans, _ in islice(pairs, _TRIED)
        )
        for rule in _RULES
    }
    return _least(misfits, "text")


def _least(misfits: Mapping[Rule, int], unit: str) -> tuple[Rule, str]:
    """Return the rule whose tokens the spans fit best, and the reason for it."""
    rule = min(misfits, key=misfits.__getitem__)
    found = " and ".join(f'{plural(n, unit)} with "{each}"' for each, n in misfits.items())
    return rule, f'tokenise = "{rule}": spans do not fit the tokens of {found}'
