"""Invalid arguments of a command, described in the words of a tagger's file."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup


class CommandGroup(TyperGroup):
    """Commands that describe an invalid argument by what is expected and, if it is misspelt, what is near."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = _described(error)
            raise


def _described(error: typer.BadParameter) -> str:
    from pydantic import ValidationError

    from seqtag.config.validation_errors import argument_fault

    cause = error.__cause__
    return argument_fault(cause) if isinstance(cause, ValidationError) else error.message
