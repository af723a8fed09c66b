"""Where a corpus comes from: one table per format, told apart by `format`."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from seqtag.config.order_format import check_order_format
from seqtag.config.path_checks import checked_path

Split = Literal["train", "dev", "test"]
SPLITS: tuple[Split, ...] = ("train", "dev", "test")
Documents = Literal["auto", "none"]  # auto: as the file marks them; none: each sequence is one
Paths = str | Annotated[tuple[str, ...], Field(min_length=1)]


class Table(BaseModel):
    """A frozen TOML table in which an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Labels(Table):
    """Splits and documents of a source, and names of tags and splits that are not those of the corpus.

    `split` labels all sequences. In files, `split_column` and `document_column` may also name a partition.
    """

    split: Split | None = None
    split_column: str | None = None
    document_column: str | None = None
    tag_names: tuple[str, ...] | None = Field(default=None, min_length=1)  # of class numbers: number 0 first
    split_names: dict[str, Split] = Field(default_factory=dict)  # { testa = "dev" }; case does not count

    @field_validator("tag_names")
    @classmethod
    def _tag_names_differ(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        wrong = [name for name in names or () if not name.strip() or (names or ()).count(name) > 1]
        if wrong:
            raise ValueError(f"tag names are blank or repeated: expected different ones, got {wrong}")
        return names

    @field_validator("split_names")
    @classmethod
    def _split_names_differ(cls, names: dict[str, Split]) -> dict[str, Split]:
        folded = [name.strip().casefold() for name in names]
        wrong = [name for name in names if not name.strip() or folded.count(name.strip().casefold()) > 1]
        if wrong:
            raise ValueError(
                "split names are blank or repeated: expected names that differ in more than case and blanks, "
                f"got {wrong}"
            )
        return names

    @model_validator(mode="after")
    def _splits_are_named_once(self) -> Self:
        if self.split is not None and self.split_column is not None:
            raise ValueError("split and split_column exclude each other: expected one of them, got both")
        if self.split_names and self.split_column is None:
            raise ValueError(
                f"split_names has no effect here: got {list(self.split_names)} without a split_column that "
                "holds such names; set split_column, or remove split_names"
            )
        return self


class FileSource(Labels):
    """Options common to all sources made of files.

    `path` is a local path (relative to the working directory), any fsspec URL, a glob or a list of them, and
    may hold `${VARIABLE}`. A folder is read if its files are parts of one export (`part-*`, partitions).
    Hidden files and markers (`_SUCCESS`) are left out of folders and globs, files without a sequence skipped.

    Content packed with gzip, Zstandard, bzip2, xz, zip (one file) or tar is recognised by its first bytes,
    whatever its name. Each file of a tar archive is a file of the source, called `archive.tar.gz/file`.

    Folders `split=train/` or `date=2026-11-01/` in a path are columns, which `split_column`,
    `document_column` and `corpus.columns` may name in any format.

    A sequence id means the same in all files of a source: rows with one token each may begin a sequence in a
    file and go on in the next. With `id_scope = "file"` ids begin with the name of their file instead.
    """

    path: Paths
    id_scope: Literal["source", "file"] = "source"  # file: each file numbers its sequences by itself
    encoding: str = "utf-8"

    @field_validator("path", "tags_path", check_fields=False)
    @classmethod
    def _paths_name_something(cls, paths: Paths) -> Paths:
        for path in (paths,) if isinstance(paths, str) else paths:
            checked_path(path)
        return paths

    @field_validator("encoding")
    @classmethod
    def _encoding_is_known(cls, name: str) -> str:
        if not _is_encoding(name):
            raise ValueError(f"encoding is unknown: expected a text encoding of Python, got {name!r}")
        return name


class ConllSource(FileSource):
    """Columns of a CoNLL-style file: one token a line, a blank line ends a sequence.

    `comment` is the prefix of lines that are no tokens. A line with a tag column is a token all the same; if
    blanks separate, the number of columns and the tags of other lines decide. Without the key, only lines
    such as `# sent_id = 1` and `#begin document` above a sequence are comments.

    A line with another number of columns than `n_columns` breaks its sequence, unless tabs separate and both
    columns are counted from the left. "auto" is the number of most lines in the first megabyte, or any number
    that is the same within a sequence if that is the rule of the file, as in CoNLL-2012.
    """

    format: Literal["conll"]
    token_column: int = 0  # from 0; negative counts from the end, as in Python
    tag_column: int = -1
    separator: Literal["auto", "tab", "blanks"] = "auto"  # auto: tabs if most token lines have one
    n_columns: Literal["auto", "vary"] | Annotated[int, Field(ge=2, le=9999)] = "auto"  # vary: any number
    header: bool = False  # the first line of each file that is no comment is left out
    comment: str | None = Field(default=None, min_length=1)  # prefix; no default, as "#" is a token in tweets
    documents: Documents = "auto"

    @property
    def least_columns(self) -> int:
        """The number of columns that a line must have for its token and its tag."""
        token, tag = self.token_column, self.tag_column
        least = max(n + 1 if n >= 0 else -n for n in (token, tag))
        meet = (token < 0) != (tag < 0) and least == abs(token) + abs(tag)
        return least + 1 if meet else least

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
    """Universal Dependencies' ten columns, or those that `# global.columns = ...` names (CoNLL-U Plus).

    Multiword ranges and empty nodes are skipped. A tag `_` is none.
    """

    format: Literal["conllu"]
    token_column: str = "FORM"
    tag_column: str = "UPOS"
    tag_feature: str | None = Field(default=None, pattern=r"^[^\s=|]+$")  # of `name=B-PER|...` in tag_column
    tag_default: str | None = Field(default=None, min_length=1)  # of words without a tag, such as "O"
    documents: Documents = "auto"


class LongColumns(Labels):
    """Column names of data with one token a row.

    The rows of a sequence must be adjacent, unless `rows = "interleaved"` has them gathered: an event log by
    time, whose cases (sessions, users) take turns. They are then sorted by the order column, or stay as they
    come. `order_format` is that of `strptime`, for dates and times that are not ISO 8601, or "natural", or
    "epoch_s", "epoch_ms", "epoch_us", "epoch_ns" for numbers that count from 1970.
    """

    sequence_column: str
    token_column: str
    tag_column: str
    order_column: str | None = None  # position or time of the token; None: as the rows come
    order_format: str | None = None  # numbers or ISO 8601; "%d/%m/%Y %I:%M %p"; "natural": t2 before t10
    sequence_ids: Literal["every_row", "first_row"] = "every_row"  # first_row: blank until it changes
    rows: Literal["adjacent", "interleaved"] = "adjacent"  # interleaved: gathered by sequence id
    session_gap_minutes: float | None = Field(default=None, ge=1e-9, le=1e9)  # longer: a new sequence

    @model_validator(mode="after")
    def _columns_differ(self) -> Self:
        named = (self.sequence_column, self.token_column, self.tag_column)
        if len(set(named)) < len(named):
            raise ValueError(
                "sequence_column, token_column and tag_column coincide: expected three columns, got "
                + ", ".join(map(repr, named))
            )
        return self

    @model_validator(mode="after")
    def _order_keys_have_an_order_column(self) -> Self:
        if self.order_format is not None:
            check_order_format(self.order_format)
        for key in ("order_format", "session_gap_minutes"):
            if self.order_column is None and getattr(self, key) is not None:
                raise ValueError(f"{key} needs an order_column")
        return self


class TableSource(FileSource, LongColumns):
    r"""A CSV or TSV table with a header, one token a row.

    `escape` is what MySQL, Hive, PostgreSQL and Spark write before quotes, delimiters, line breaks and
    itself, a backslash; before other characters it stays. A cell of it and N, `\N`, has no value.
    """

    format: Literal["table"]
    delimiter: str = Field(default=",", pattern=r"^[\x01-\t\x0b\x0c\x0e-~]$")  # one character of ASCII
    quote: str | None = Field(default=None, pattern=r"^[!-~]?$")  # None: '"', but "" for tabs; "": none
    escape: str | None = Field(default=None, pattern=r"^[!-/:-@\[-`{-~]?$")  # such as '\'; None and "": none

    @field_validator("quote")
    @classmethod
    def _quote_is_no_delimiter(cls, quote: str | None, info: ValidationInfo) -> str | None:
        if quote == info.data.get("delimiter"):
            raise ValueError(f"delimiter and quote coincide: expected two characters, got {quote!r} twice")
        return quote

    @model_validator(mode="after")
    def _escape_is_no_other(self) -> Self:
        if self.escape and self.escape in (self.delimiter, self.quoting):
            raise ValueError(
                f"escape is the delimiter or the quote: expected another character, got {self.escape!r}; "
                "doubled quotes need no escape"
            )
        return self

    @property
    def quoting(self) -> str:
        """The character that quotes cells, "" if quotes are tokens like others."""
        if self.quote is None:
            return "" if self.delimiter == "\t" else '"'
        return self.quote


class ListColumns(Labels):
    """Column names of data with one sequence a row."""

    tokens_column: str = "tokens"
    tags_column: str = "tags"
    id_column: str | None = None

    @model_validator(mode="after")
    def _lists_have_columns_of_their_own(self) -> Self:
        others = (self.tags_column, self.id_column, self.document_column, self.split_column)
        if self.tokens_column in others or self.tags_column in others[1:]:
            raise ValueError(
                "tokens_column or tags_column names another's column: expected columns that no other key "
                f"names, got {self.tokens_column!r} and {self.tags_column!r}"
            )
        return self


class JsonlSource(FileSource, ListColumns):
    """JSON Lines: one object a line with an array of tokens and one of tags."""

    format: Literal["jsonl"]


class _Utf8Source(FileSource):
    @field_validator("encoding")
    @classmethod
    def _encoding_is_utf8(cls, name: str) -> str:
        if name != "utf-8":
            raise ValueError(f"encoding is not Parquet's: expected utf-8, got {name!r}; leave the key out")
        return name


class ParquetSource(_Utf8Source, ListColumns):
    """Parquet with a list of tokens and a list of tags a row."""

    format: Literal["parquet"]


class LongParquetSource(_Utf8Source, LongColumns):
    """Parquet with one token a row."""

    format: Literal["parquet-long"]


class ParallelSource(FileSource):
    """Two text files of the same number of lines: tokens, and their tags, between blanks or tabs.

    No other white space separates: see `seqtag.corpus.text_blocks.fields_of_line`.
    """

    format: Literal["parallel"]
    tags_path: Paths


class SqlSource(LongColumns):
    """The rows of a query, one token a row, streamed from any database that SQLAlchemy reaches.

    Keep credentials out of the file: `url = "${CORPUS_URL}"`. Rows of one sequence must be adjacent, as
    `order by` has them, or be gathered (`rows = "interleaved"`).
    """

    format: Literal["sql"]
    url: str
    query: str

    @field_validator("url")
    @classmethod
    def _url_is_one(cls, url: str) -> str:
        if "${" not in url and not re.match(r"[\w+]+://", url):  # what it is may be a secret
            raise ValueError(
                "url is no address of a database: expected one like postgresql://HOST/DATABASE or "
                "${VARIABLE}, got text that begins with no name and '://'"
            )
        return url

    @field_validator("query")
    @classmethod
    def _query_is_one(cls, query: str) -> str:
        if not query.strip():
            raise ValueError(f"query is blank: expected SQL that selects rows, got {query!r}")
        return query


class SampleSource(Table):
    """User actions drawn from a known hidden semi-Markov model; see `seqtag.corpus.sample_corpus`."""

    format: Literal["sample"]
    n_sequences: int = Field(default=3000, ge=10)
    seed: int = Field(default=7, ge=0)


Source = Annotated[
    ConllSource
    | ConlluSource
    | TableSource
    | JsonlSource
    | ParquetSource
    | LongParquetSource
    | ParallelSource
    | SqlSource
    | SampleSource,
    Field(discriminator="format"),
]


def _is_encoding(name: str) -> bool:
    try:
        b"a".decode(name)
    except UnicodeError:  # it exists, and this is not how it writes
        return True
    except (LookupError, ValueError):  # unknown, or no encoding of text, such as "hex"
        return False
    return True
