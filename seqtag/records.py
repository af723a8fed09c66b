"""Records: the JSON files that steps hand on, each written and read through one frozen class.

A file names its format, such as `decision/1`. The number grows when a field is added or removed, or changes
its meaning. A file of another format is refused. A file without a format predates this rule, and is read if
its fields match.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, NoReturn, Self, TypeAlias

from pydantic import AliasChoices, ConfigDict, Field, TypeAdapter, ValidationError

from seqtag.artifacts import write_json
from seqtag.errors import OtherVersionError, RunDirError

# whether a rule or check passed; older files call the field `held`
Passed: TypeAlias = Annotated[bool, Field(validation_alias=AliasChoices("passed", "held"))]

_WAY_OUT = "retrain, and remove the file if that does not help"


@dataclass(frozen=True)
class Record:
    """Base of records: frozen dataclasses of plain values, other dataclasses, tuples and dicts."""

    FORMAT: ClassVar[str]  # name and number
    __pydantic_config__ = ConfigDict(extra="forbid")

    def save(self, path: Path) -> None:
        """Write the record whole or not at all; equal records give equal bytes."""
        write_json(path, self.content())

    def content(self) -> dict[str, Any]:
        """Return the fields and the format as a JSON object."""
        return {"format": self.FORMAT, **asdict(self)}

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a record.

        Raises:
            RunDirError: the file is missing or damaged. If it could not be read, the cause is an OSError.
            OtherVersionError: the file is of another format.
        """
        try:
            content: Any = json.loads(path.read_text("utf-8"), parse_constant=_refuse_constant)
        except (OSError, ValueError, RecursionError) as error:
            raise RunDirError(f"{path}: cannot be read as JSON: {error}") from error
        if not isinstance(content, dict):
            raise OtherVersionError(
                f"{path}: not an object, expected {cls.FORMAT}, got a JSON {type(content).__name__}; "
                f"{_WAY_OUT}"
            )
        found = content.pop("format", None)
        if found not in (cls.FORMAT, None):
            raise OtherVersionError(
                f"{path}: another version of seqtag wrote it: format is {found!r}, expected {cls.FORMAT!r}; "
                f"{_WAY_OUT}"
            )
        adapter: TypeAdapter[Self] = _adapter(cls)  # type: ignore[arg-type]  # classes are hashable
        try:
            return adapter.validate_json(json.dumps(content), strict=True)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"]))
            text = f"{path}: not a valid {cls.FORMAT}: {place}: {first['msg']}"
            if found is None:
                text = f"{text}; an earlier version of seqtag wrote it"
            kind = OtherVersionError if found is None else RunDirError
            raise kind(f"{text}; {_WAY_OUT}") from None

    @classmethod
    def load_or_none(cls, path: Path) -> Self | None:
        """Read a record; return None if it is missing, damaged or of another format.

        Raises:
            RunDirError: the file exists but could not be read, which may be transient.
        """
        try:
            return cls.load(path)
        except RunDirError as error:
            if error.is_unreadable:
                raise
            return None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


@cache
def _adapter(record: Any) -> TypeAdapter[Any]:
    return TypeAdapter(record)
