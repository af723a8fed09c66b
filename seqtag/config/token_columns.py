"""`[[features.columns]]`: further columns of each token, and how the model reads them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from seqtag.config.order_format import EPOCH_DIGITS, NATURAL, check_order_format, cycle_of
from seqtag.config.path_checks import checked_path
from seqtag.config.toml_table import Table


def _name(name: str) -> str:
    if not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_]{0,62}", name):
        raise ValueError(
            "name of a column of tokens is not valid: expected a letter, then up to 62 letters, digits and "
            f"underscores, got {name!r}; a column of any name can be renamed in token_columns, as in "
            '{ net_amount = "net amount" }'
        )
    return name


TokenColumnName = Annotated[str, AfterValidator(_name)]


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(
            f'zone is unknown: expected a name such as "Europe/Berlin" or "UTC", got {name!r}'
        ) from error
    return name


class TokenColumn(Table):
    """A further column of the tokens, named in `token_columns` of a source."""

    name: TokenColumnName = Field(description="name in token_columns of the sources")


class CategoryColumn(TokenColumn):
    """Names, such as a part of speech or a host; each has a vector, rare and new ones that of `<unk>`."""

    kind: Literal["category"] = Field(description="what the values are")
    size: int = Field(default=16, ge=1, description="of the vector of a value")
    min_count: int = Field(default=2, ge=1, description="values that train has less often are `<unk>`")


class NumberColumn(TokenColumn):
    """Numbers, scaled by median and quartiles of train; a missing one is marked as missing."""

    kind: Literal["number"] = Field(description="what the values are")
    buckets: int = Field(
        default=0, ge=0, le=1024, description="quantiles of train that each have a vector; 0: none"
    )
    size: int = Field(default=16, ge=1, description="of the vector of a bucket")


class TimeColumn(TokenColumn):
    """Times: the gaps to the tokens before and after, on a log scale, and hour and weekday as angles."""

    kind: Literal["time"] = Field(description="what the values are")
    format: Annotated[str, AfterValidator(check_order_format)] | None = Field(
        default=None, description="as `order_format` of a source; default: ISO 8601"
    )
    zone: Annotated[str, AfterValidator(_zone)] = Field(
        default="UTC", description="time zone of hour and weekday; times without a zone are UTC"
    )

    @field_validator("format")
    @classmethod
    def _format_has_dates(cls, format_: str | None) -> str | None:
        has_date = (
            format_ is None or format_ in EPOCH_DIGITS or (format_ != NATURAL and cycle_of(format_) is None)
        )
        if not has_date:
            raise ValueError(f"format has no date: expected one with a year, or epoch_s, got {format_!r}")
        return format_


class SetColumn(TokenColumn):
    """Sets of names, such as `Case=Nom|Number=Sing`; each frequent member is a number that is 0 or 1."""

    kind: Literal["set"] = Field(description="what the values are")
    separator: str = Field(default="|", min_length=1, description="between the members of a set")
    max_members: int = Field(
        default=32, ge=1, le=4096, description="most frequent members of train that the model reads"
    )
    min_count: int = Field(default=2, ge=1, description="members that train has less often are not read")


ReadColumn = Annotated[CategoryColumn | NumberColumn | TimeColumn | SetColumn, Field(discriminator="kind")]


class GazetteerConfig(Table):
    """Phrases, such as names of places: the model sees which tokens begin or continue one."""

    name: TokenColumnName = Field(description="in messages and attributes of the CRF")
    path: Annotated[str, AfterValidator(checked_path)] = Field(
        description="path or URL of a text file: a phrase a line, up to 8 tokens with blanks between"
    )
    size: int = Field(default=8, ge=1, description="of the vectors for the begin and the inside of a phrase")

    @field_validator("path")
    @classmethod
    def _file_next_to_the_toml_file(cls, path: str, info: ValidationInfo) -> str:
        """Return the absolute path of a file next to the TOML file, which a run directory does not know."""
        folder = (info.context or {}).get("folder")
        if folder is None or "://" in path:
            return path
        near = Path(folder, path)
        return str(near) if near.exists() else path


def sqlite_types(names: Iterable[str], read: Iterable[ReadColumn]) -> dict[str, str]:
    """Return the types of columns of tokens in SQLite; numbers can be compared with numbers.

    Args:
        names: of all columns of tokens.
        read: those that the model reads.
    """
    of_numbers = {column.name for column in read if column.kind == "number"}
    return {name: "NUMERIC" if name in of_numbers else "TEXT" for name in names}
