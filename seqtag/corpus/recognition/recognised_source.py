"""Recognise how a file is to be read: the keys of its source, and the reasons for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from seqtag.corpus.files import InputFile, contents
from seqtag.corpus.recognition.recognised import Recognised, summary_of
from seqtag.corpus.recognition.roles import Chosen, has_untagged, require_columns, token_and_tag
from seqtag.corpus.recognition.row_formats import (
    no_sequences,
    recognise_dataset,
    recognise_docbin,
    recognise_lists,
    recognise_long,
    recognise_parquet,
    recognise_xes,
)
from seqtag.corpus.recognition.samples import (
    array_sample,
    encoding_of,
    head_of,
    is_parquet,
    is_xes,
    json_objects,
    layout_and_columns,
    table_columns,
)
from seqtag.corpus.recognition.span_fields import is_brat, recognise_brat, recognise_spans
from seqtag.corpus.text_blocks import fields_of_line
from seqtag.corpus.text_shape import TextShape, shape_of
from seqtag.errors import CorpusFormatError

_UNIVERSAL = ("ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC")
_PLUS = "# global.columns ="


def recognise(file: InputFile, chosen: Chosen, *, form: str | None = None) -> Recognised:
    """Recognise a file by its content, or the first file of an archive.

    Args:
        form: the format, if it is known.

    Raises:
        ConfigError: a chosen column does not exist, or there is no column of tags.
        CorpusFormatError: the file is empty, damaged or in no known format.
    """
    members = contents(file)  # a member of an archive is there until the next one is requested
    first = next(members)
    if form in ("parquet", "parquet-long") or (form is None and is_parquet(first)):
        return recognise_parquet(first, chosen)
    if form == "brat" or (form is None and is_brat(first)):
        return recognise_brat(first)
    if form == "spacy" or (form is None and first.name.endswith(".spacy")):
        return recognise_docbin(first)
    if form == "datasets" or (form is None and first.name.endswith(".arrow")):
        return recognise_dataset(first, chosen)
    if form == "xes" or (form is None and is_xes(first)):
        return recognise_xes(first, chosen)
    encoding = encoding_of(first)
    head = head_of(first, encoding)
    found = _text(head, chosen, form, name=file.name)
    if encoding == "utf-8":
        return found
    why = f"encoding {encoding}: the text is not UTF-8; set encoding if letters look wrong"
    return replace(found, keys={**found.keys, "encoding": encoding}, reasons=(*found.reasons, why))


def recognise_parallel(one: InputFile, other: InputFile) -> tuple[InputFile, InputFile] | None:
    """Return the files of tokens and of tags of a parallel text, None if two files are none.

    Lines have equally many tokens and tags, but not all the same number; tags have fewer distinct values.
    """
    lines = []
    for file in (one, other):
        members = contents(file)
        first = next(members)
        text = "" if is_parquet(first) else head_of(first, encoding_of(first)).decode()
        shape = shape_of(text)
        if shape.json_line is not None or shape.has_blank or shape.n_fields is not None or not text.strip():
            return None
        lines.append([fields_of_line(line) for line in text.split("\n")])
    n_lines = min(map(len, lines))  # the longer file may have more lines beyond the first megabyte
    pairs = list(zip(lines[0][: n_lines - 1], lines[1], strict=False))
    if any(len(a) != len(b) for a, b in pairs) or all(len(a) < 2 for a, _ in pairs):
        return None
    n_distinct = [len({field for fields in each for field in fields}) for each in lines]
    return (one, other) if n_distinct[0] >= n_distinct[1] else (other, one)


def _text(head: bytes, chosen: Chosen, form: str | None, *, name: str) -> Recognised:
    text = head.decode()
    if not text.strip():
        raise CorpusFormatError(f"{name}: file is empty: expected tokens with tags")
    shape = shape_of(text)
    if form in ("jsonl", "jsonl-spans") or (form is None and _is_json(shape, head)):
        return _json(head, chosen, form, name=name)
    if form == "fasta" or (form is None and _is_fasta(text)):
        return Recognised(
            {"format": "fasta"}, "fasta: residues in the second lines, labels in the third ones"
        )
    if form == "conllu" or (form is None and (shape.is_numbered or _PLUS in text)):
        return _conllu(text, chosen, name=name)
    table = table_columns(text) if form in (None, "table") else None
    if table is not None and not (form is None and shape.has_blank):
        found = recognise_long(table[1], chosen, {"format": "table"}, name=name)
        if found is not None:
            delimiter: dict[str, object] = {} if table[0] == "," else {"delimiter": table[0]}
            return replace(found, keys={**found.keys, **delimiter})
    if form == "conll" or (form is None and shape.is_adjacent and (shape.has_blank or shape.n_tabs)):
        return _conll(head, chosen, name=name)
    if table is not None:
        raise no_sequences(table[1], name=name)
    raise CorpusFormatError(
        f"{name}: no tags are found: expected one token a line with its tag, a table with a header and a "
        "sequence id, lists of tokens and tags in JSON Lines or Parquet, or a file of tokens and one of "
        "tags; name both files, or set --format if it is known"
    )


def _json(head: bytes, chosen: Chosen, form: str | None, *, name: str) -> Recognised:
    objects = json_objects(head)
    if form == "jsonl-spans" or (form is None and not objects):
        found = recognise_spans(objects or array_sample(head), chosen)
        if found is not None:
            return found
    if form == "jsonl-spans":
        raise CorpusFormatError(
            f'{name}: no spans: expected objects with a text and spans such as [0, 3, "PER"]; set '
            "--tokens to the key of the text and --tags to that of the spans"
        )
    return recognise_lists(objects, chosen, "jsonl", name=name)


def _is_json(shape: TextShape, head: bytes) -> bool:
    """Return whether the first line is JSON, or a later one is an object; the reader reports the first."""
    return shape.json_line == 1 or (shape.json_line is not None and any(json_objects(head)))


def _is_fasta(text: str) -> bool:
    """Return whether nine in ten records have a line of residues and one with as many labels."""
    if not text.lstrip().startswith(">"):
        return False
    records = [[line for line in each.split("\n")[1:] if line] for each in f"\n{text}".split("\n>")[1:]]
    records = records[:-1] or records  # the end of the first megabyte may cut the last
    n_alike = sum(len(lines) == 2 and len(lines[0]) == len(lines[1]) for lines in records)
    return n_alike >= 0.9 * len(records)


def _conll(head: bytes, chosen: Chosen, *, name: str) -> Recognised:
    layout, columns = layout_and_columns(head, name=name)
    names = list(columns)
    require_columns(columns, (chosen.tokens, chosen.tags), place=name)
    numbered = layout.numbers is not None and chosen.tokens is None  # the first column counts the tokens
    candidates = {key: columns[key] for key in names[1:]} if numbered else columns
    if chosen.tokens is None and layout.header is None:  # by convention the first column
        chosen = Chosen(next(iter(candidates)), chosen.tags, chosen.sequence)
    roles = token_and_tag(candidates, chosen, place=name)
    keys: dict[str, object] = {"format": "conll"}
    if layout.header is not None:
        keys["header"] = True
    if (token := names.index(roles.tokens)) != 0:
        keys["token_column"] = token
    if (tag := names.index(roles.tags)) != len(names) - 1:
        keys["tag_column"] = tag
    numbers = (
        ("the first column numbers the tokens, so the second is read as the tokens",) if numbered else ()
    )
    summary = summary_of("conll", columns, roles.tokens, roles.tags)
    return Recognised(keys, summary, (*numbers, *roles.reasons), has_untagged(columns[roles.tags]))


def _conllu(text: str, chosen: Chosen, *, name: str) -> Recognised:
    lines = text.split("\n")
    plus = next((line.removeprefix(_PLUS).split() for line in lines if line.startswith(_PLUS)), None)
    names = list(plus or _UNIVERSAL)
    rows = [line.split("\t") for line in lines if line[:1].isdigit()]
    words = [row for row in rows if len(row) == len(names) and row[names.index("ID")].isdigit()]
    columns = {key: [row[number] for row in words] for number, key in enumerate(names)}
    require_columns(columns, (chosen.tokens, chosen.tags), place=name)
    token = chosen.tokens or "FORM"
    keys: dict[str, object] = {"format": "conllu"}
    if token != "FORM":
        keys["token_column"] = token
    last = names[-1] if plus else "MISC"
    tags = chosen.tags or next(
        (key for key in ("UPOS", "XPOS", last) if set(columns.get(key, ())) - {"_"}), "UPOS"
    )
    reasons = []
    if tags != "UPOS":
        keys["tag_column"] = tags
        why = "UPOS has no tags, so " if chosen.tags is None and not plus else ""
        reasons.append(f"{why}column {tags} is read as the tags; --tags names another")
    feature = _span_feature(columns[tags]) if tags in ("MISC", "FEATS") else None
    if feature is not None:
        keys |= {"tag_feature": feature, "tag_default": "O"}
        reasons.append(f"feature {feature} of {tags} is read as the tags, and a word without it as O")
    is_partial = feature is None and "_" in columns[tags]
    shown = f"feature {feature} of {tags}" if feature is not None else tags
    return Recognised(keys, summary_of("conllu", names, token, shown), tuple(reasons), is_partial)


def _span_feature(cells: Sequence[str]) -> str | None:
    """Return the feature of cells such as `name=B-PER|...` whose values are spans; None without one."""
    pairs = [pair.partition("=") for cell in cells for pair in cell.split("|")]
    return next((key for key, _, value in pairs if value[:2] in ("B-", "S-", "U-")), None)
