"""`[[further_tags]]`: other columns of tags of the same sequences, learned with the same encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field, ValidationError

from seqtag.config.corpus_config import TagsConfig
from seqtag.config.source_columns import FileSource, Labels, ListColumns, LongColumns
from seqtag.config.source_config import ConllSource, ConlluSource, DocBinSource, Source
from seqtag.config.toml_table import Table

if TYPE_CHECKING:
    from seqtag.config.tagger_config import TaggerConfig

TAGGER_NAME = r"^[a-z0-9][a-z0-9-]{0,62}$"
_KEYS = (  # of the column of tags
    ((ConllSource, ConlluSource, LongColumns), "tag_column"),
    (ListColumns, "tags_column"),
    (DocBinSource, "tag_attribute"),
)


class FurtherTags(Table):
    """Another column of tags, and the tagger that predicts it.

    It is trained together with the tagger of the file, and with all its settings but these. Each of them is
    evaluated and judged by the gate; they are promoted together or not at all.
    """

    name: str = Field(
        pattern=TAGGER_NAME, description="of the tagger that predicts this column, as the name of the file's"
    )
    tag_column: str | int = Field(
        description="column of the tags, in place of `tag_column`, `tags_column` or `tag_attribute`"
    )
    tag_names: tuple[str, ...] | None = Field(
        default=None, min_length=1, description="names of class numbers, from 0 on"
    )
    tags: TagsConfig = Field(default=TagsConfig(), description="as the table [tags], of this column")
    floor: float | None = Field(
        default=None, ge=0, le=1, description="minimum score of the first model; default: gate.floor"
    )


def taggers_of(config: TaggerConfig) -> tuple[TaggerConfig, ...]:
    """Return the configurations of the taggers that a file trains: one for each column of tags."""
    return (config, *(_tagger(config, further) for further in config.further_tags))


def check_further_tags(config: TaggerConfig) -> None:
    """Check that each further column of tags can be read from every source.

    Raises:
        ValueError: a source has no such column, or names repeat.
    """
    names = [config.name, *(further.name for further in config.further_tags)]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"further_tags: names are repeated: expected distinct ones, got {repeated}")
    for further in config.further_tags:
        for number, source in enumerate(config.corpus.sources):
            if _key(source) is None:
                raise ValueError(
                    f"further_tags: corpus.sources[{number}] has no column of tags: expected a format with "
                    f'tag_column or tags_column, got "{source.format}"; convert the source'
                )
            try:
                _with_column(source, further)
            except ValidationError as error:
                problem = error.errors()[0]["msg"].removeprefix("Value error, ")
                raise ValueError(
                    f"further_tags: tag_column of {further.name!r} does not fit corpus.sources[{number}]: "
                    f"{problem}"
                ) from None
        if _is_column_of_file(config, further):
            raise ValueError(
                f"further_tags: {further.name!r} has the tags of {config.name!r}: expected another column, "
                f"got {further.tag_column!r} again"
            )


def _is_column_of_file(config: TaggerConfig, further: FurtherTags) -> bool:
    return all(getattr(source, str(_key(source))) == further.tag_column for source in config.corpus.sources)


def _tagger(config: TaggerConfig, further: FurtherTags) -> TaggerConfig:
    sources = tuple(_with_column(source, further) for source in config.corpus.sources)
    gate = {"metric": "auto", **({} if further.floor is None else {"floor": further.floor})}
    return config.model_copy(
        update={
            "name": further.name,
            "further_tags": (_of_file(config), *(each for each in config.further_tags if each != further)),
            "corpus": config.corpus.model_copy(update={"sources": sources}),
            "tags": further.tags,
            "gate": config.gate.model_copy(update=gate),
        }
    )


def _of_file(config: TaggerConfig) -> FurtherTags:
    """Return the column of tags of the file's tagger, so that the runs of the others depend on it, too."""
    source = config.corpus.sources[0]
    return FurtherTags(
        name=config.name,
        tag_column=getattr(source, str(_key(source))),
        tag_names=getattr(source, "tag_names", None),
        tags=config.tags,
        floor=config.gate.floor,
    )


def _key(source: Source) -> str | None:
    """Return the key of a source that names the column of its tags."""
    return next((key for kinds, key in _KEYS if isinstance(source, kinds)), None)


def _with_column(source: Source, further: FurtherTags) -> Source:
    """Return a source with another column of tags, validated like one of a file."""
    tables: dict[str, Any] = source.model_dump()
    tables[str(_key(source))] = further.tag_column
    if isinstance(source, ConlluSource):
        tables["tag_feature"] = None
    if isinstance(source, Labels):
        tables["tag_names"] = further.tag_names
    folder = source.folder if isinstance(source, FileSource) else None
    return type(source).model_validate(tables, context={"folder": folder})
