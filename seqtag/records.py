"""Records: the JSON files that steps hand on, each written and read through one frozen class.

A file names its format, such as `decision/1`. The number grows when a field is added or removed, or changes
its meaning. A file of another format is refused with one sentence, never half understood; one that names
none was written before formats were named, and is read if it has the fields.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import ConfigDict, TypeAdapter, ValidationError

from seqtag.artifacts import write_json
from seqtag.errors import RunDirError


@dataclass(frozen=True)
class Record:
    """Base of records: frozen dataclasses of plain values, other dataclasses, tuples and dicts."""

    FORMAT: ClassVar[str]  # name and number
    __pydantic_config__ = ConfigDict(extra="forbid")

    def save(self, path: Path) -> None:
        """Write the record whole or not at all; equal records give equal bytes."""
        write_json(path, self.content())

    def content(self) -> dict[str, Any]:
        """Return the fields, and the format, as JSON has them."""
        return {"format": self.FORMAT, **asdict(self)}

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a record.

        Raises:
            RunDirError: the file is missing, damaged, or of another format. Where it could not be read, which
                may be transient, the cause is an OSError.
        """
        try:
            content: dict[str, Any] = dict(json.loads(path.read_text("utf-8")))
        except (OSError, ValueError, TypeError, RecursionError) as error:
            raise RunDirError(f"{path}: cannot be read as JSON: {error}") from error
        found = content.pop("format", cls.FORMAT)
        if found != cls.FORMAT:
            raise RunDirError(
                f"{path}: format is {found!r}, expected {cls.FORMAT!r}: another version of seqtag wrote it; "
                "retrain to open a new run"
            )
        adapter: TypeAdapter[Self] = _adapter(cls)  # type: ignore[arg-type]  # classes are hashable
        try:
            return adapter.validate_json(json.dumps(content), strict=True)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise RunDirError(
                f"{path}: not a valid {cls.FORMAT}: {place}: {first['msg']}; retrain to open a new run"
            ) from None


@cache
def _adapter(record: Any) -> TypeAdapter[Any]:
    return TypeAdapter(record)
