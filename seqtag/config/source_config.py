"""`[[corpus.sources]]`: one table per source format, selected by `format`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from seqtag.config.order_format import check_order_format
from seqtag.config.path_checks import checked_path

Split = Literal["train", "dev", "test"]
SPLITS: tuple[Split, ...] = ("train", "dev", "test")
Documents = Literal["auto", "none"]  # auto: as marked in the file; none: each sequence is a document
Paths = str | Annotated[tuple[str, ...], Field(min_length=1)]


class Table(BaseModel):
    """Frozen TOML table that rejects unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Labels(Table):
    """Splits and documents of a source, and mappings of its tag and split names.

    `split` labels all sequences. In files, `split_column` and `document_column` may also name a partition.
    """

    UNIT: ClassVar[str] = "row"  # what the source consists of, for messages

    split: Split | None = None
    split_column: str | None = None
    document_column: str | None = None
    tag_names: tuple[str, ...] | None = Field(default=None, min_length=1)  # of class numbers, from 0 on
    split_names: dict[str, Split] = Field(default_factory=dict)  # { testa = "dev" }; case is ignored

    @field_validator("tag_names")
    @classmethod
    def _tag_names_differ(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        wrong = [name for name in names or () if not name.strip() or (names or ()).count(name) > 1]
        if wrong:
            raise ValueError(f"tag names are blank or repeated: expected distinct names, got {wrong}")
        return names

    @field_validator("split_names")
    @classmethod
    def _split_names_differ(cls, names: dict[str, Split]) -> dict[str, Split]:
        folded = [name.strip().casefold() for name in names]
        wrong = [name for name in names if not name.strip() or folded.count(name.strip().casefold()) > 1]
        if wrong:
            raise ValueError(
                "split names are blank or repeated: expected names that differ in more than case and spaces, "
                f"got {wrong}"
            )
        return names

    @model_validator(mode="after")
    def _splits_are_named_once(self) -> Self:
        if self.split is not None and self.split_column is not None:
            raise ValueError("split and split_column exclude each other: expected one, got both")
        if self.split_names and self.split_column is None:
            raise ValueError(
                f"split_names has no effect here: got {list(self.split_names)} without a split_column; "
                "set split_column to the column with these names, or remove split_names"
            )
        return self


class FileSource(Labels):
    """Options common to all file-based sources.

    `path` is a local path, any fsspec URL, a glob or a list of these, and may contain `~` and `${VARIABLE}`.
    Relative paths are looked for next to the TOML file, then in the working directory. A folder is read if
    its files are parts of one export (`part-*`, partitions). Folders and globs skip hidden files and markers
    (`_SUCCESS`); files without sequences are skipped too.

    Data compressed with gzip, Zstandard, bzip2, xz, zip (one file) or tar is recognised by its first bytes,
    whatever the file's name. Each file in a tar archive is a file of the source, named `archive.tar.gz/file`.

    Folders such as `split=train/` or `date=2026-11-01/` in a path become columns, which `split_column`,
    `document_column` and `corpus.columns` can name in any format.

    Sequence ids are shared by all files of a source: in formats with one token per row, a sequence may
    continue in the next file. With `id_scope = "file"`, ids are prefixed with the name of their file instead.
    """

    path: Paths
    id_scope: Literal["source", "file"] = "source"  # file: each file numbers its own sequences
    encoding: str = "utf-8"
    # not in digests: a project may be moved
    _folder: Path | None = PrivateAttr(default=None)

    @property
    def folder(self) -> Path | None:
        """Folder of the TOML file; None if the configuration was not loaded from one."""
        return self._folder

    def model_post_init(self, context: Any) -> None:
        self._folder = (context or {}).get("folder")

    @field_validator("path", "tags_path", check_fields=False)
    @classmethod
    def _paths_are_valid(cls, paths: Paths) -> Paths:
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
    token_column: int = 0  # from 0; negative counts from the end, as in Python
    tag_column: int = -1
    separator: Literal["auto", "tab", "blanks"] = "auto"  # auto: tabs if most token lines have one
    n_columns: Literal["auto", "vary"] | Annotated[int, Field(ge=2, le=9999)] = "auto"  # vary: any number
    header: bool = False  # true: skip the first line of each file that is not a comment
    comment: str | None = Field(default=None, min_length=1)  # prefix; no default, as "#" is a token in tweets
    documents: Documents = "auto"

    @property
    def least_columns(self) -> int:
        """Smallest number of columns that includes the token and the tag."""
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
    """CoNLL-U file of Universal Dependencies, or CoNLL-U Plus with a line `# global.columns = ...`.

    Multiword ranges and empty nodes are skipped. The tag `_` means no tag.
    """

    UNIT: ClassVar[str] = "word"

    format: Literal["conllu"]
    token_column: str = "FORM"
    tag_column: str = "UPOS"
    # of `name=B-PER|...` in tag_column
    tag_feature: str | None = Field(
        default=None, pattern=r"^[^\s=|]+$", description="the name of a feature, without spaces, = and |"
    )
    tag_default: str | None = Field(default=None, min_length=1)  # of words without a tag, such as "O"
    documents: Documents = "auto"


class LongColumns(Labels):
    """Column names of data with one token per row.

    The rows of a sequence must be adjacent. With `rows = "interleaved"` they are gathered by sequence id, as
    an event log needs whose sessions or users alternate. The tokens of a sequence are sorted by
    `order_column`, if there is one. `order_format` is a `strptime` format for dates and times that are not
    ISO 8601, or "natural", or "epoch_s", "epoch_ms", "epoch_us" or "epoch_ns" for numbers since 1970.
    """

    sequence_column: str
    token_column: str
    tag_column: str
    order_column: str | None = None  # position or time of the token; None: order of the rows
    order_format: str | None = None  # "%d/%m/%Y" or "natural" (t2 before t10); None: numbers, ISO 8601
    sequence_ids: Literal["every_row", "first_row"] = "every_row"  # first_row: blank in the other rows
    rows: Literal["adjacent", "interleaved"] = "adjacent"  # interleaved: gather rows by sequence id
    session_gap_minutes: float | None = Field(default=None, ge=1e-9, le=1e9)  # a longer gap starts a sequence

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
    r"""CSV or TSV table with a header and one token per row.

    `escape` is the character, usually a backslash, that MySQL, Hive, PostgreSQL and Spark write before
    quotes, delimiters, line breaks and itself; before other characters it is kept. A cell `\N` has no value.
    """

    format: Literal["table"]
    delimiter: str = Field(
        default=",", pattern=r"^[\x01-\t\x0b\x0c\x0e-~]$", description="one ASCII character, not a line break"
    )
    # None: '"', or "" for tabs; "": no quoting
    quote: str | None = Field(
        default=None, pattern=r"^[!-~]?$", description="one printable ASCII character, or empty"
    )
    # such as '\'; None or "": none
    escape: str | None = Field(
        default=None, pattern=r"^[!-/:-@\[-`{-~]?$", description="one ASCII punctuation character, or empty"
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


class ListColumns(Labels):
    """Column names of data with one sequence per row."""

    tokens_column: str = "tokens"
    tags_column: str = "tags"
    id_column: str | None = None

    @model_validator(mode="after")
    def _list_columns_are_distinct(self) -> Self:
        named = (self.tokens_column, self.tags_column)
        columns = (*named, self.id_column, self.document_column, self.split_column)
        repeated = next((column for column in named if columns.count(column) > 1), None)
        if repeated is not None:
            raise ValueError(
                f"two keys name the column {repeated!r}: expected one column each for tokens_column, "
                "tags_column, id_column, document_column and split_column"
            )
        return self


class JsonlSource(FileSource, ListColumns):
    """JSON Lines: one object per line, with an array of tokens and an array of tags."""

    UNIT: ClassVar[str] = "object"

    format: Literal["jsonl"]


class _Utf8Source(FileSource):
    @field_validator("encoding")
    @classmethod
    def _encoding_is_utf8(cls, name: str) -> str:
        if name != "utf-8":
            raise ValueError(f"encoding of Parquet is fixed: expected utf-8, got {name!r}; remove the key")
        return name


class ParquetSource(_Utf8Source, ListColumns):
    """Parquet with a list of tokens and a list of tags per row."""

    format: Literal["parquet"]


class LongParquetSource(_Utf8Source, LongColumns):
    """Parquet with one token per row."""

    format: Literal["parquet-long"]


class ParallelSource(FileSource):
    """Two text files with the same number of lines: tokens, and their tags, separated by spaces or tabs.

    Other white space does not separate; see `seqtag.corpus.text_blocks.fields_of_line`.
    """

    UNIT: ClassVar[str] = "line"

    format: Literal["parallel"]
    tags_path: Paths


class SqlSource(LongColumns):
    """SQL query that returns one token per row, streamed from any database supported by SQLAlchemy.

    Keep credentials out of the file: `url = "${CORPUS_URL}"`. The rows of a sequence must be adjacent, for
    example by `order by`; otherwise set `rows = "interleaved"`.
    """

    format: Literal["sql"]
    url: str
    query: str

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
    except UnicodeError:  # a text encoding in which these bytes are invalid
        return True
    except (LookupError, ValueError):  # unknown, or not a text encoding, such as "hex"
        return False
    return True
