"""Read a tagger's TOML file, and write the resolved one back."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import ValidationError

from seqtag.config.tagger import TaggerConfig
from seqtag.errors import ConfigError


def load_tagger(path: Path | str) -> TaggerConfig:
    """Read and check one tagger's TOML file.

    Raises:
        ConfigError: the file is missing, is not TOML, has an unknown key or a wrong value; the message
            names every offending key.
    """
    try:
        with Path(path).open("rb") as file:
            tables = tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"{path}: a tagger's TOML file was required. Received: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    try:
        return TaggerConfig.model_validate(tables)
    except ValidationError as error:
        raise ConfigError(_one_line_each(path, error)) from error


def _one_line_each(path: Path | str, error: ValidationError) -> str:
    lines = []
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"]) or "(top level)"
        received = "" if fault["type"] in ("missing", "value_error") else f". Received: {fault['input']!r}"
        lines.append(f"{path}: {key}: {fault['msg']}{received}")
    return "\n".join(lines)
