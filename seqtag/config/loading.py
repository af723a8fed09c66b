"""Read a tagger's TOML file, and write the resolved one back."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from seqtag.config.secrets import has_password, hide_passwords
from seqtag.config.tagger import TaggerConfig
from seqtag.errors import ConfigError


def load_tagger(path: Path | str) -> TaggerConfig:
    """Read and check one tagger's TOML file.

    Raises:
        ConfigError: the file is missing, is not TOML, has an unknown key or a wrong value, or holds
            a database's password; the message names every offending key.
    """
    try:
        with Path(path).open("rb") as file:
            tables = tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"{path}: a tagger's TOML file was required. Received: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # no TOML, no UTF-8, too long a number, too deep a list
        raise ConfigError(f"{path}: {error}") from error
    try:
        config = TaggerConfig.model_validate(tables)
    except ValidationError as error:
        raise ConfigError(one_line_each(path, error)) from None  # the cause would print whole tables
    for key, address in _addresses(config):
        if has_password(address):  # it would be copied into every report
            raise ConfigError(
                f"{path}: {key}: an address without a password was required; use ${{VARIABLE}} instead. "
                f"Received: {hide_passwords(address)}"
            )
    return config


def one_line_each(path: Path | str, error: ValidationError) -> str:
    """Return what was wrong with the tables of a file, a line for each fault, without passwords."""
    faults = error.errors()
    lines = []
    for fault in faults:
        loc = fault["loc"]
        if fault["type"] == "too_short" and any(f["loc"][: len(loc)] == loc != f["loc"] for f in faults):
            continue  # the list is short of what was wrong in itself
        key = ".".join(str(part) for part in loc) or "(top level)"
        lines.append(f"{path}: {key}: {fault['msg']}{_received(fault['type'], key, fault['input'])}")
    return "\n".join(lines)


def _addresses(config: TaggerConfig) -> Iterator[tuple[str, str]]:
    """Yield each value that may be an address, with its key."""
    for number, source in enumerate(config.corpus.sources):
        for key in ("url", "path", "tags_path"):
            value = getattr(source, key, ())
            for address in [value] if isinstance(value, str) else value:
                yield f"corpus.sources.{number}.{key}", address
    if config.model.vectors is not None:
        yield "model.vectors", config.model.vectors


def _received(kind: str, key: str, value: object) -> str:
    """Return the value that was wrong, but neither tables, which hold other values, nor passwords."""
    if kind in ("missing", "value_error") or isinstance(value, dict | list | tuple):
        return ""
    if "password" in key.lower():
        return ". Received: ***"
    return f". Received: {hide_passwords(repr(value))}"
