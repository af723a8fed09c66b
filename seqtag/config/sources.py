"""Where a corpus comes from: one table per format, told apart by `format`."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from seqtag.config.order_format import check_order_format

Split = Literal["train", "dev", "test"]
ConlluColumn = Literal["ID", "FORM", "LEMMA", "UPOS", "XPOS", "FEATS", "HEAD", "DEPREL", "DEPS", "MISC"]
SPLITS: tuple[Split, ...] = ("train", "dev", "test")
Paths = str | Annotated[tuple[str, ...], Field(min_length=1)]


class Table(BaseModel):
    """A frozen TOML table in which an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class FileSource(Table):
    """What every source made of files has.

    `path` may be a glob, a list, a local path (relative to the working directory) or any fsspec URL,
    may hold `${VARIABLE}`, and may end in .gz, .zst or .bz2. `split` labels all its sequences.
    """

    path: Paths
    split: Split | None = None
    encoding: str = "utf-8"


class ConllSource(FileSource):
    """Columns of a CoNLL-style file: one token a line, a blank line ends a sequence."""

    format: Literal["conll"]
    token_column: int = 0  # from 0; negative counts from the end, as in Python
    tag_column: int = -1
    separator: Literal["auto", "tab", "blanks"] = "auto"  # auto: tabs if the first token line has one
    comment: str | None = Field(default=None, min_length=1)  # prefix; off, because "#" is a token in tweets


class ConlluSource(FileSource):
    """Universal Dependencies' ten columns; multiword ranges and empty nodes are skipped."""

    format: Literal["conllu"]
    token_column: ConlluColumn = "FORM"
    tag_column: ConlluColumn = "UPOS"


class LongColumns(Table):
    """How one-token-a-row data name their columns.

    The rows of a sequence must be adjacent, unless `rows = "interleaved"` has them gathered: an event log by
    time, whose cases (sessions, users) take turns. They are then sorted by the order column, or stay as they
    come. `order_format` is that of `strptime`, for dates and times that are not ISO 8601, or "natural".
    """

    sequence_column: str
    token_column: str
    tag_column: str
    order_column: str | None = None  # position or time of the token; None: as the rows come
    order_format: str | None = (
        None  # None: numbers or ISO 8601; "%d/%m/%Y %I:%M %p"; "natural": t2 before t10
    )
    document_column: str | None = None
    split_column: str | None = None
    sequence_ids: Literal["every_row", "first_row"] = "every_row"  # first_row: blank until it changes
    rows: Literal["adjacent", "interleaved"] = "adjacent"  # interleaved: gathered by sequence id
    session_gap_minutes: float | None = Field(default=None, gt=0)  # a longer pause begins a new sequence

    @model_validator(mode="after")
    def _order_keys_have_an_order_column(self) -> Self:
        if self.order_format is not None:
            check_order_format(self.order_format)
        for key in ("order_format", "session_gap_minutes"):
            if self.order_column is None and getattr(self, key) is not None:
                raise ValueError(f"{key} needs an order_column")
        return self


class TableSource(FileSource, LongColumns):
    """A CSV or TSV table with a header, one token a row."""

    format: Literal["table"]
    delimiter: str = Field(default=",", pattern=r"^[\t -~]$")  # one character of ASCII
    quote: str | None = Field(
        default=None, pattern=r"^[!-~]?$"
    )  # None: '"', but "" after tabs; "": no quoting

    @property
    def quoting(self) -> str:
        """The character that quotes cells, "" if quotes are tokens like others."""
        if self.quote is None:
            return "" if self.delimiter == "\t" else '"'
        return self.quote


class ListColumns(Table):
    """How one-sequence-a-row data name their columns."""

    tokens_column: str = "tokens"
    tags_column: str = "tags"
    id_column: str | None = None
    document_column: str | None = None
    split_column: str | None = None

    @model_validator(mode="after")
    def _lists_have_columns_of_their_own(self) -> Self:
        others = (self.tags_column, self.id_column, self.document_column, self.split_column)
        if self.tokens_column in others or self.tags_column in others[1:]:
            raise ValueError(
                "tokens_column and tags_column must be columns of their own. "
                f"Received: {self.tokens_column!r}, {self.tags_column!r}"
            )
        return self


class JsonlSource(FileSource, ListColumns):
    """JSON Lines: one object a line with an array of tokens and one of tags."""

    format: Literal["jsonl"]


class ParquetSource(FileSource, ListColumns):
    """Parquet with a list of tokens and a list of tags a row."""

    format: Literal["parquet"]


class LongParquetSource(FileSource, LongColumns):
    """Parquet with one token a row."""

    format: Literal["parquet-long"]


class ParallelSource(FileSource):
    """Two text files of the same number of lines: blank-separated tokens, and their tags."""

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
    split: Split | None = None


class SampleSource(Table):
    """Sessions of user actions drawn from a known hidden semi-Markov model; see `seqtag.corpus.sample`."""

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
