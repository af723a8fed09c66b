"""`[tagging]`: the sequences that the flow `tag` tags with the champion. It does not affect training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self, TypeVar

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from seqtag.config.corpus_config import CorpusConfig, check_further_columns, token_columns
from seqtag.config.source_columns import Labels
from seqtag.config.source_config import (
    BratSource,
    ConllSource,
    ConlluSource,
    DatasetsSource,
    JsonlSource,
    LongParquetSource,
    ParallelSource,
    ParquetSource,
    Source,
    SqlSource,
    TableSource,
    XesSource,
)
from seqtag.config.toml_table import Table

_ADDED = ("predicted_spans", "model_version")  # to what is tagged, besides what a corpus reserves
_NO_TAGS = "(no tags)"  # in place of a key that the format requires; it names no column of the data


def _without_tag_keys(table: Any) -> Any:
    """Return the table of a source with the keys of tags that its format requires."""
    if not isinstance(table, Mapping):
        return table
    match table.get("format"):
        case "table" | "parquet-long" | "sql" | "xes":
            return {"tag_column": _NO_TAGS, **table}
        case "parallel" if "path" in table:
            return {"tags_path": table["path"], **table}
    return table


AnyLabels = TypeVar("AnyLabels", bound=Labels)
_UntaggedSource = Annotated[Source, BeforeValidator(_without_tag_keys)]


class TaggingConfig(Table):
    """Sequences that the flow `tag` and `seqtag tag-sources` tag with the champion.

    Each source has the keys of `[[corpus.sources]]`. Tags in the data are not read, and keys that name them
    may be left out.
    """

    sources: Annotated[
        tuple[_UntaggedSource, ...],
        WithJsonSchema({"type": "array", "items": {"type": "object", "additionalProperties": True}}),
    ] = Field(default=(), description="where sequences are read from, one table each, as in `corpus.sources`")
    columns: tuple[str, ...] = Field(
        default=(), description="further columns, kept as strings next to the predictions"
    )

    @field_validator("sources")
    @classmethod
    def _sources_can_be_read_without_tags(cls, sources: tuple[Source, ...]) -> tuple[Source, ...]:
        for source in sources:
            if isinstance(source, BratSource):
                raise ValueError(
                    'format = "brat" needs a file of annotations for each text: expected texts in '
                    'format = "jsonl-spans", which need no spans'
                )
        return sources

    @model_validator(mode="after")
    def _columns_are_distinct_and_not_reserved(self) -> Self:
        named = (*self.columns, *token_columns(self.sources))
        taken = [name for name in named if name in _ADDED]
        if taken:
            raise ValueError(
                f"further columns are reserved: expected names other than {', '.join(_ADDED)}, got {taken}; "
                "rename them in the source"
            )
        check_further_columns(self.columns, token_columns(self.sources))
        return self

    @property
    def corpus(self) -> CorpusConfig:
        """The sources as a corpus without tags."""
        untagged = tuple(  # which validation would refuse
            without_tags(source) if isinstance(source, Labels) else source for source in self.sources
        )
        return CorpusConfig.model_construct(sources=untagged, columns=self.columns, cut=None)


def without_tags(source: AnyLabels) -> AnyLabels:
    """Return a source that reads no tags; where a reader must find a column of them, it finds the tokens.

    Validation would refuse such a source.
    """
    names: dict[str, Any] = {"tag_names": None}
    match source:
        case TableSource() | LongParquetSource() | SqlSource() | XesSource() | ConllSource():
            names["tag_column"] = source.token_column
        case ConlluSource():
            names |= {"tag_column": source.token_column, "tag_feature": None, "tag_default": None}
        case JsonlSource() | ParquetSource() | DatasetsSource():
            names["tags_column"] = source.tokens_column
        case ParallelSource():
            names["tags_path"] = source.path
    untagged = source.model_copy(update=names)
    untagged.leave_out_tags()
    return untagged
