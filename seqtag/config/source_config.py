"""`[[corpus.sources]]`: one table per source format, selected by `format`."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from seqtag.config.source_columns import (
    TOKEN_COLUMNS,
    FileSource,
    ListColumns,
    LongColumns,
    NamedTokenColumns,
    Paths,
    SpanColumns,
)
from seqtag.config.token_columns import TokenColumnName
from seqtag.config.toml_table import Table

Documents = Annotated[
    Literal["auto", "none"],
    Field(description="auto: as marked in the file; none: each sequence is a document"),
]


class ConllSource(FileSource):
    """CoNLL-style file: one token per line, sequences separated by blank lines.

    `comment` is the prefix of comment lines. A line with a tag column is still a token; in files separated by
    spaces, the number of columns and the tags of other lines decide. Without the key, only lines such as
    `# sent_id = 1` and `#begin document` above a sequence are comments.

    A line whose number of columns is not `n_columns` breaks its sequence, unless the file is separated by
    tabs and both columns are counted from the left. "auto" is the most frequent number in the first megabyte;
    if the file has a constant number within each sequence, as in CoNLL-2012, it is any such number.
    """

    UNIT: ClassVar[str] = "token line"

    format: Literal["conll"]
    token_column: int = Field(default=0, description="from 0; negative counts from the end, as in Python")
    tag_column: int = Field(default=-1, description="as token_column; -1: the last")
    separator: Literal["auto", "tab", "blanks"] = Field(
        default="auto", description="auto: tabs if most token lines have one"
    )
    n_columns: Literal["auto", "vary"] | Annotated[int, Field(ge=2, le=9999)] = Field(
        default="auto", description="vary: any number"
    )
    header: bool = Field(
        default=False, description="true: skip the first line of each file that is not a comment"
    )
    comment: str | None = Field(
        default=None, min_length=1, description='prefix; no default, as "#" is a token in tweets'
    )
    documents: Documents = "auto"
    token_columns: dict[TokenColumnName, int] = Field(
        default_factory=dict,
        description="further columns of tokens for `[[features.columns]]`, as `{ pos = 1 }`; from 0",
    )

    @property
    def least_columns(self) -> int:
        """Smallest number of columns that includes the token, the tag and further columns."""
        named = (self.token_column, self.tag_column, *self.token_columns.values())
        least = max(n + 1 if n >= 0 else -n for n in named)
        while least in self.ambiguous_widths:
            least += 1
        return least

    @property
    def ambiguous_widths(self) -> frozenset[int]:
        """Numbers of columns in which the tag, counted from the other side, is one of the other columns."""
        tag, others = self.tag_column, (self.token_column, *self.token_columns.values())
        return frozenset(abs(n) + abs(tag) for n in others if (n < 0) != (tag < 0))

    @model_validator(mode="after")
    def _columns_are_enough(self) -> Self:
        if isinstance(self.n_columns, int) and self.n_columns < self.least_columns:
            raise ValueError(
                f"n_columns = {self.n_columns} is too small: expected at least {self.least_columns} for "
                f"token_column = {self.token_column} and tag_column = {self.tag_column}"
            )
        return self

    @field_validator("tag_column")
    @classmethod
    def _tags_have_a_column(cls, tag_column: int, info: ValidationInfo) -> int:
        if tag_column == info.data.get("token_column"):
            raise ValueError(
                f"token_column and tag_column coincide: expected two columns, got {tag_column} twice"
            )
        return tag_column


class ConlluSource(FileSource):
    """CoNLL-U file of Universal Dependencies, or CoNLL-U Plus with a line `# global.columns = ...`.

    Multiword ranges and empty nodes are skipped. The tag `_` means no tag.
    """

    UNIT: ClassVar[str] = "word"

    format: Literal["conllu"]
    token_column: str = Field(default="FORM", description="column of the tokens")
    tag_column: str = Field(default="UPOS", description="column of the tags")
    tag_feature: str | None = Field(
        default=None,
        pattern=r"^[^\s=|]+$",
        description="the name of a feature, without spaces, = and |; of `name=B-PER|...` in tag_column",
    )
    tag_default: str | None = Field(
        default=None, min_length=1, description='of words without a tag, such as "O"'
    )
    documents: Documents = "auto"
    token_columns: NamedTokenColumns = Field(default_factory=dict, description=TOKEN_COLUMNS)


class TableSource(FileSource, LongColumns):
    r"""CSV or TSV table with a header and one token per row.

    `escape` is the character, usually a backslash, that MySQL, Hive, PostgreSQL and Spark write before
    quotes, delimiters, line breaks and itself; before other characters it is kept. A cell `\N` has no value.
    """

    format: Literal["table"]
    delimiter: str = Field(
        default=",",
        pattern=r"^[\x01-\t\x0b\x0c\x0e-~]$",
        description="one ASCII character, not a line break; between cells",
    )
    quote: str | None = Field(
        default=None,
        pattern=r"^[!-~]?$",
        description='one printable ASCII character, or empty; default: `"`, with tabs empty: no quoting',
    )
    escape: str | None = Field(
        default=None,
        pattern=r"^[!-/:-@\[-`{-~]?$",
        description="one ASCII punctuation character, or empty; before quotes and delimiters in cells",
    )

    @field_validator("quote")
    @classmethod
    def _quote_is_no_delimiter(cls, quote: str | None, info: ValidationInfo) -> str | None:
        if quote == info.data.get("delimiter"):
            raise ValueError(f"delimiter and quote coincide: expected two characters, got {quote!r} twice")
        return quote

    @model_validator(mode="after")
    def _escape_is_distinct(self) -> Self:
        if self.escape and self.escape in (self.delimiter, self.quoting):
            raise ValueError(
                f"escape is the delimiter or the quote: expected another character, got {self.escape!r}; "
                "doubled quotes need no escape"
            )
        return self

    @property
    def quoting(self) -> str:
        """Quote character of cells; "" if quotes are ordinary characters."""
        if self.quote is None:
            return "" if self.delimiter == "\t" else '"'
        return self.quote


class JsonlSource(FileSource, ListColumns):
    """JSON Lines: one object per line, with an array of tokens and an array of tags."""

    UNIT: ClassVar[str] = "object"

    format: Literal["jsonl"]


class SpanSource(FileSource, SpanColumns):
    """JSON Lines, or one JSON array, of texts with labelled spans of characters.

    Spans are read as spaCy, Prodigy, doccano and Label Studio write them: `[start, end, label]`, or objects
    with `start` and `end`, or `start_offset` and `end_offset`, and `label` or `labels`; or annotations with a
    `result` of such objects, of which the first that was not cancelled counts. Tags are IOB2. A span that
    starts or ends within a token, or overlaps another, breaks its sequence.
    """

    UNIT: ClassVar[str] = "object"

    format: Literal["jsonl-spans"]


class OwnEncoding(FileSource):
    """Files of a format that fixes their encoding."""

    @field_validator("encoding")
    @classmethod
    def _encoding_is_utf8(cls, name: str) -> str:
        if name != "utf-8":
            raise ValueError(f"encoding is fixed by the format: expected utf-8, got {name!r}; remove the key")
        return name


class ParquetSource(OwnEncoding, ListColumns):
    """Parquet with a list of tokens and a list of tags per row."""

    format: Literal["parquet"]


class DatasetsSource(OwnEncoding, ListColumns):
    """Folder that Hugging Face's `datasets` saved with `save_to_disk`, of one dataset or of several splits.

    Each row has a list of tokens and a list of tags. The folders of splits name them, unless `split` or
    `split_column` does. Class numbers become the names in `dataset_info.json`.
    """

    format: Literal["datasets"]


class LongParquetSource(OwnEncoding, LongColumns):
    """Parquet with one token per row."""

    format: Literal["parquet-long"]


class XesSource(OwnEncoding, LongColumns):
    """XES event log, compressed or not: a trace is a sequence, an event is a token.

    Columns are the keys of the events' attributes; those of traces begin with `case:`. Events are read in the
    order of the file, or sorted by `order_column = "time:timestamp"`.
    """

    UNIT: ClassVar[str] = "event"

    format: Literal["xes"]
    sequence_column: str = Field(default="case:concept:name", description="attribute with the sequence's id")
    token_column: str = Field(default="concept:name", description="attribute of the tokens")


class ParallelSource(FileSource):
    """Two text files with the same number of lines: tokens, and their tags, separated by spaces or tabs.

    Other white space does not separate; see `seqtag.corpus.text_blocks.fields_of_line`.
    """

    UNIT: ClassVar[str] = "line"

    format: Literal["parallel"]
    tags_path: Paths = Field(description="file or files of the tags; the same as path allows")


class FastaSource(FileSource):
    """Three-line FASTA: a name behind `>`, a line of residues, and a line with a label for each residue.

    Each character is a token or a tag. The id is the first word of the name.
    """

    UNIT: ClassVar[str] = "record"

    format: Literal["fasta"]


class BratSource(FileSource):
    """brat standoff: texts in files `*.txt`, and spans of characters in files `*.ann` with the same names.

    Each line of a text is a sequence, and the text is the document. Tags are IOB2. Discontinuous and
    overlapping spans break their sequences; annotations other than spans are skipped.
    """

    UNIT: ClassVar[str] = "token"

    format: Literal["brat"]
    tokenise: Literal["whitespace", "words"] = Field(
        description="whitespace: between whitespace; words: letters and digits together, others alone"
    )
    sequences: Literal["lines", "documents"] = Field(
        default="lines",
        description="documents: a text is one sequence, as where lines break within sentences",
    )


class DocBinSource(OwnEncoding):
    """DocBin of spaCy (`*.spacy`): a document is a sequence. spaCy has to be installed.

    Entities are IOB2 tags. A token without the annotation has no tag.
    """

    UNIT: ClassVar[str] = "document"

    format: Literal["spacy"]
    tag_attribute: Literal["ents", "tag", "pos"] = Field(
        default="ents", description="what is read as tags: entities, fine or universal parts of speech"
    )


class SqlSource(LongColumns):
    """SQL query that returns one token per row, streamed from any database supported by SQLAlchemy.

    Keep credentials out of the file: `url = "${CORPUS_URL}"`. The rows of a sequence must be adjacent, for
    example by `order by`; otherwise set `rows = "interleaved"`.
    """

    format: Literal["sql"]
    url: str = Field(description="SQLAlchemy URL of the database, or `${VARIABLE}`")
    query: str = Field(description="SQL that selects one token per row")

    @field_validator("url")
    @classmethod
    def _url_has_a_scheme(cls, url: str) -> str:
        if "${" not in url and not re.match(r"[\w+]+://", url):  # do not print it: may be a secret
            raise ValueError(
                "url is not a database URL: expected one such as postgresql://HOST/DATABASE or ${VARIABLE}, "
                "got text without a name and '://' at its start"
            )
        return url

    @field_validator("query")
    @classmethod
    def _query_is_not_blank(cls, query: str) -> str:
        if not query.strip():
            raise ValueError(f"query is blank: expected SQL that selects rows, got {query!r}")
        return query


class SampleSource(Table):
    """Synthetic user actions from a hidden semi-Markov model; see `seqtag.corpus.sample_corpus`."""

    UNIT: ClassVar[str] = "sequence"

    format: Literal["sample"]
    n_sequences: int = Field(default=3000, ge=10, description="sequences to draw")
    seed: int = Field(default=7, ge=0, description="of the drawing")


Source = Annotated[
    ConllSource
    | ConlluSource
    | TableSource
    | JsonlSource
    | SpanSource
    | ParquetSource
    | LongParquetSource
    | DatasetsSource
    | ParallelSource
    | FastaSource
    | BratSource
    | DocBinSource
    | XesSource
    | SqlSource
    | SampleSource,
    Field(discriminator="format"),
]
