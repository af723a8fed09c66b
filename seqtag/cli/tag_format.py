"""Format of the input of `seqtag tag`: recognised by the name of a file, else by its first lines."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path, PurePath
from typing import TypeVar

from seqtag.cli.tag_options import InputFormat
from seqtag.config import without_tags
from seqtag.config.source_columns import FileSource, token_columns_of
from seqtag.config.source_config import (
    BratSource,
    ConllSource,
    ConlluSource,
    FastaSource,
    JsonlSource,
    ParallelSource,
    ParquetSource,
    Source,
    SpanSource,
    TableSource,
    XesSource,
)
from seqtag.corpus.files import InputFile
from seqtag.corpus.formats.span_texts import value_at
from seqtag.corpus.recognition.samples import array_sample, is_xes, json_objects
from seqtag.corpus.text_blocks import fields_of_line, line_blocks, with_head
from seqtag.corpus.text_shape import shape_of
from seqtag.errors import ConfigError
from seqtag.run_dir import absolute

_Long = TypeVar("_Long", TableSource, XesSource)

logger = logging.getLogger(__name__)

_Read = (
    ConllSource
    | ConlluSource
    | FastaSource
    | JsonlSource
    | ParquetSource
    | SpanSource
    | TableSource
    | XesSource
)
Readable = _Read | ParallelSource
_HEAD_BYTES = 1 << 20
_PACKED = {".gz", ".zst", ".bz2", ".xz", ".zip"}
_SUFFIXES = {
    **dict.fromkeys((".jsonl", ".ndjson"), InputFormat.jsonl),
    **dict.fromkeys((".conll", ".tsv", ".bio", ".iob", ".iob2", ".bioes"), InputFormat.conll),
    **dict.fromkeys((".conllu", ".conllup"), InputFormat.conllu),
    ".csv": InputFormat.csv,
    ".parquet": InputFormat.parquet,
    **dict.fromkeys((".fasta", ".fa", ".faa"), InputFormat.fasta),
    ".xes": InputFormat.xes,
}
_FORMATS = {"table": InputFormat.csv}  # of sources whose format has another name
_OTHERS = (".xlsx",)
_FASTA = re.compile(r"(>\S[^\n]*\n+([^\s>]+\n+){1,2})+(>\S[^\n]*\n*)?")  # the head may cut the last record
_OWN_TABLE = TableSource(  # as `seqtag tag` writes it
    format="table", path="-", sequence_column="sequence", token_column="token", tag_column="tag"
)
_OWN_LOG = XesSource(format="xes", path="-", tag_column="tag")


def input_source(file: InputFile, form: InputFormat | None, sources: Sequence[Source]) -> _Read | None:
    """Return how a file is read, None for text with one sequence per line.

    A file that a source of the tagger names is read like that source. Others have the keys and columns of the
    tagger's first source of their format. Objects of JSON without tokens are cut into tokens like the texts
    of the first source of the tagger that has such texts.

    Args:
        form: the format; None to recognise it.
        sources: the sources of the tagger's corpus.

    Raises:
        ConfigError: no source of the tagger says how texts are cut into tokens; or as for `input_format`.
        CorpusFormatError: as for `input_format`.
    """
    readable = [each for each in sources if isinstance(each, Readable)]
    own = next((each for each in readable if _names(each, file)), None)
    if own is not None and form in (None, _FORMATS.get(own.format, own.format)):
        return None if isinstance(own, ParallelSource) else own
    texts = [_as_texts(each) for each in sources if isinstance(each, SpanSource | BratSource)]
    if form is None:
        form = input_format(file)
        cut = _texts(file, texts, readable) if form is InputFormat.jsonl else None
        if cut is not None:
            return cut
    columns = {name: name for each in sources for name in token_columns_of(each)}
    alike = next((each for each in readable if _FORMATS.get(each.format, each.format) == form), None)
    match form:
        case InputFormat.jsonl:
            return (
                alike
                if isinstance(alike, JsonlSource)
                else JsonlSource(format="jsonl", path="-", token_columns=columns)
            )
        case InputFormat.conll:
            source = alike if isinstance(alike, ConllSource) else ConllSource(format="conll", path="-")
            return without_tags(source) if _width(file) < source.least_columns else source
        case InputFormat.conllu:
            return alike if isinstance(alike, ConlluSource) else ConlluSource(format="conllu", path="-")
        case InputFormat.parquet:
            return (
                alike
                if isinstance(alike, ParquetSource)
                else ParquetSource(format="parquet", path="-", token_columns=columns)
            )
        case InputFormat.csv:
            return _of_tokens(alike if isinstance(alike, TableSource) else _OWN_TABLE)
        case InputFormat.xes:
            return _of_tokens(alike if isinstance(alike, XesSource) else _OWN_LOG)
        case InputFormat.fasta:
            return alike if isinstance(alike, FastaSource) else FastaSource(format="fasta", path="-")
        case InputFormat.jsonl_spans:
            if texts:
                return texts[0]
            raise ConfigError(
                f"{file.name}: no rule cuts the texts into tokens: expected a tagger with a source of the "
                "format jsonl-spans or brat, whose tokenise is used; write lists of tokens"
            )
    return None


def _as_texts(source: SpanSource | BratSource) -> SpanSource:
    """Return how objects with texts are cut into tokens like those of a source."""
    if isinstance(source, SpanSource):
        return source
    return SpanSource(format="jsonl-spans", path="-", tokenise=source.tokenise)


def _texts(file: InputFile, texts: Sequence[SpanSource], sources: Sequence[Readable]) -> SpanSource | None:
    """Return the first source whose key of texts the objects of a file have; None if they have tokens."""
    if not texts:
        return None
    head = _head(file, texts[0].encoding)
    first = next(iter(json_objects(head) or array_sample(head)), {})
    keys = {"tokens", *(each.tokens_column for each in sources if isinstance(each, JsonlSource))}
    if any(isinstance(tokens := first.get(key), list) and set(map(type, tokens)) == {str} for key in keys):
        return None
    return next((each for each in texts if isinstance(value_at(first, each.text_column), str)), None)


def _names(source: FileSource, file: InputFile) -> bool:
    paths = (source.path,) if isinstance(source.path, str) else source.path
    return any(fnmatch(file.path, str(absolute(Path(path)))) for path in paths if "://" not in path)


def _of_tokens(source: _Long) -> _Long:
    """Return a source that needs no columns of tags, splits and documents."""
    return without_tags(source.model_copy(update=dict.fromkeys(("split_column", "document_column"))))


def _width(file: InputFile) -> int:
    """Return the largest number of columns in the first lines of a file."""
    return max((len(fields_of_line(line)) for line in _head(file).decode().split("\n")), default=0)


def _head(file: InputFile, encoding: str = "utf-8") -> bytes:
    return with_head(line_blocks(file, encoding, _HEAD_BYTES), _HEAD_BYTES)[0]


def input_format(file: InputFile) -> InputFormat:
    """Return the format of a file from its name, or else from its first lines.

    Raises:
        ConfigError: the first lines fit several formats, or the name is that of a format that is not read.
        CorpusFormatError: the file is not UTF-8.
    """
    suffixes = [suffix.lower() for suffix in PurePath(file.name).suffixes]
    suffix = next((each for each in reversed(suffixes) if each not in _PACKED), "")
    if suffix in _OTHERS:
        raise ConfigError(
            f"{file.name}: {suffix} files cannot be tagged: expected text, JSON Lines or columns; convert "
            "it, or set --format if the name is wrong"
        )
    if suffix in _SUFFIXES:
        return _SUFFIXES[suffix]
    if is_xes(file):
        return InputFormat.xes
    return format_of_text(_head(file).decode(), name=file.name)


def format_of_text(text: str, *, name: str) -> InputFormat:
    r"""Return the format of the first lines of a file.

    Lines of columns have the same number of fields, and there are blank lines between groups of them. Only
    tabs distinguish them from sequences of equal length.

    Raises:
        ConfigError: the lines fit several formats.

    >>> str(format_of_text("search view_item checkout\n", name="x"))
    'text'
    >>> str(format_of_text("Ada\tB-PER\nspoke\tO\n\nBob\tB-PER\n", name="x"))
    'conll'
    >>> str(format_of_text(">P1\nMKV\n>P2\nMK\n", name="x"))
    'fasta'
    """
    if _FASTA.fullmatch(text.lstrip("\n")):
        return InputFormat.fasta
    shape = shape_of(text)
    if shape.json_line == 1:
        return InputFormat.jsonl
    if shape.json_line is not None:
        raise _ambiguous(name, f"JSON in line {shape.json_line}, and other text in line 1")
    if not shape.is_adjacent:
        return InputFormat.text  # each line is a sequence
    if shape.n_tabs and shape.has_blank:
        return InputFormat.conllu if shape.is_numbered else InputFormat.conll
    if shape.n_tabs:
        raise _ambiguous(name, "lines with equally many tabs, without a blank line")
    if shape.n_fields and shape.has_blank:
        raise _ambiguous(name, f"lines of {shape.n_fields} tokens, and blank lines between some of them")
    if shape.n_fields == 1:
        logger.warning(
            "%s: one token on each line: read as text, each line a sequence; --format conll reads columns",
            name,
        )
    return InputFormat.text


def _ambiguous(name: str, found: str) -> ConfigError:
    return ConfigError(
        f"{name}: format is ambiguous: expected text, JSON Lines or columns, got {found}; set --format text "
        "(one sequence a line), --format conll (one token a line) or --format jsonl"
    )
