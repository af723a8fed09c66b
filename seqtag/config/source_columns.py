"""Keys that source formats share: splits and documents, files, and the columns of tokens and tags."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, PrivateAttr, WithJsonSchema, field_validator, model_validator

from seqtag.config.order_format import check_order_format
from seqtag.config.path_checks import checked_path
from seqtag.config.token_columns import TokenColumnName
from seqtag.config.toml_table import Table

Split = Literal["train", "dev", "test"]
SPLITS: tuple[Split, ...] = ("train", "dev", "test")
Paths = str | Annotated[tuple[str, ...], Field(min_length=1)]


def _by_name(given: Any) -> Any:
    return {name: name for name in given} if isinstance(given, list | tuple) else given


NamedTokenColumns = Annotated[
    dict[TokenColumnName, str],
    BeforeValidator(_by_name),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "array", "items": {"type": "string"}},
                {"type": "object", "additionalProperties": {"type": "string"}},
            ]
        }
    ),
]
TOKEN_COLUMNS = 'columns of tokens, for `[[features.columns]]`: `["pos"]`, or renamed `{ pos = "POS tag" }`'


def token_columns_of(source: Table) -> dict[TokenColumnName, Any]:
    """Return the further columns of tokens of a source, by name; empty if its format has none."""
    return getattr(source, "token_columns", {})


class Labels(Table):
    """Splits and documents of a source, and mappings of its tag and split names.

    `split` labels all sequences. In files, `split_column` and `document_column` may also name a partition.
    """

    UNIT: ClassVar[str] = "row"  # what the source consists of, for messages

    split: Split | None = Field(default=None, description="of all sequences of the source")
    split_column: str | None = Field(default=None, description="column or partition with the split")
    document_column: str | None = Field(
        default=None, description="column or partition with the document's id"
    )
    tag_names: tuple[str, ...] | None = Field(
        default=None, min_length=1, description="names of class numbers, from 0 on"
    )
    split_names: dict[str, Split] = Field(
        default_factory=dict,
        description='split by its name in split_column, as `{ testa = "dev" }`; case is ignored',
    )

    _has_tags: bool = PrivateAttr(default=True)

    @property
    def has_tags(self) -> bool:
        """False for a source of `[tagging]`, whose tags are not read."""
        return self._has_tags

    def leave_out_tags(self) -> None:
        """Read no tags; see `seqtag.config.tagging_config.without_tags`."""
        self._has_tags = False

    @model_validator(mode="after")
    def _token_columns_are_not_the_tags(self) -> Self:
        tags = getattr(self, "tag_column", getattr(self, "tags_column", None))
        for name, column in token_columns_of(self).items():
            if column == tags:
                raise ValueError(
                    f"token_columns name the tags as {name!r}: the model would read what it predicts; "
                    f"expected another column, got {column!r} again"
                )
        return self

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

    path: Paths = Field(description="path, URL or glob, or a list of these; relative to the TOML file")
    id_scope: Literal["source", "file"] = Field(
        default="source", description="file: each file numbers its own sequences"
    )
    encoding: str = Field(default="utf-8", description="text encoding, by its name in Python")
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


class LongColumns(Labels):
    """Column names of data with one token per row.

    The rows of a sequence must be adjacent. With `rows = "interleaved"` they are gathered by sequence id, as
    an event log needs whose sessions or users alternate. The tokens of a sequence are sorted by
    `order_column`, if there is one. `order_format` is a `strptime` format for dates and times that are not
    ISO 8601, or "natural", or "epoch_s", "epoch_ms", "epoch_us" or "epoch_ns" for numbers since 1970.
    """

    sequence_column: str = Field(description="column with the sequence's id")
    token_column: str = Field(description="column of the tokens")
    tag_column: str = Field(description="column of the tags")
    order_column: str | None = Field(
        default=None, description="position or time of the token; default: order of the rows"
    )
    order_format: str | None = Field(
        default=None, description='"%d/%m/%Y" or "natural" (t2 before t10); default: numbers, ISO 8601'
    )
    sequence_ids: Literal["every_row", "first_row"] = Field(
        default="every_row", description="first_row: blank in the other rows"
    )
    rows: Literal["adjacent", "interleaved"] = Field(
        default="adjacent", description="interleaved: gather rows by sequence id"
    )
    session_gap_minutes: float | None = Field(
        default=None, ge=1e-9, le=1e9, description="minutes; a longer gap in order_column starts a sequence"
    )
    token_columns: NamedTokenColumns = Field(default_factory=dict, description=TOKEN_COLUMNS)

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


class ListColumns(Labels):
    """Column names of data with one sequence per row."""

    tokens_column: str = Field(default="tokens", description="column or key with the list of tokens")
    tags_column: str = Field(default="tags", description="column or key with the list of tags")
    id_column: str | None = Field(
        default=None, description="column or key with the sequence's id; default: numbered"
    )
    token_columns: NamedTokenColumns = Field(default_factory=dict, description=TOKEN_COLUMNS)

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


class SpanColumns(Labels):
    """Names of the fields of texts with labelled spans of characters.

    A name with dots is a path: `data.text` is the field `text` of the object `data`.
    """

    text_column: str = Field(default="text", description="key with the text")
    spans_column: str = Field(
        default="spans", description="key with the spans; offsets count Unicode code points"
    )
    tokens_column: str = Field(default="tokens", description='key with the tokens, for tokenise = "given"')
    id_column: str | None = Field(default=None, description="key with the sequence's id; default: numbered")
    tokenise: Literal["whitespace", "words", "given"] = Field(
        description="whitespace: between whitespace; words: letters and digits together, other characters "
        "alone; given: as tokens_column says"
    )


def _is_encoding(name: str) -> bool:
    try:
        b"a".decode(name)
    except UnicodeError:  # a text encoding in which these bytes are invalid
        return True
    except (LookupError, ValueError):  # unknown, or not a text encoding, such as "hex"
        return False
    return True
