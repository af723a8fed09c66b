"""Read a tagger's TOML file, and write the resolved one back."""

from __future__ import annotations

import codecs
import tomllib
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from seqtag.config.secrets import has_password, hide_passwords, is_secret
from seqtag.config.tagger_config import TaggerConfig
from seqtag.errors import ConfigError


def load_tagger(path: Path | str) -> TaggerConfig:
    """Read and check one tagger's TOML file.

    Raises:
        ConfigError: the file is missing, is not TOML, has an unknown key or a wrong value, or holds a
            password, token or signature; the message names every offending key.
    """
    try:
        tables = tomllib.loads(_text(path, Path(path).read_bytes()))
    except OSError as error:
        raise ConfigError(f"{path}: a tagger's TOML file was required. Received: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # no TOML, no UTF-8, too long a number, too deep a list
        raise ConfigError(f"{path}: {error}") from error
    try:
        config = TaggerConfig.model_validate(tables)
    except ValidationError as error:
        raise ConfigError(one_line_each(path, error)) from None  # the cause would print whole tables
    secrets = [(key, text) for key, text in _texts(config) if has_password(text)]
    if secrets:  # they would be copied into every report
        raise ConfigError("\n".join(_refusal(path, key, text) for key, text in secrets))
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
        lines.append(f"{path}: {key}: {_said(fault['msg'])}{_received(fault['type'], key, fault['input'])}")
    return "\n".join(lines)


def _text(path: Path | str, stored: bytes) -> str:
    """Return the text of a TOML file, which may begin with a byte order mark of UTF-8, as Notepad's do."""
    marks = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    if stored.startswith(marks) or b"\0" in stored[:2]:  # UTF-32 begins like one of them
        raise ConfigError(
            f"{path}: UTF-16 text, expected UTF-8; save the file as UTF-8 (in PowerShell: -Encoding utf8)"
        )
    try:
        return stored.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{path}:{line}: byte 0x{error.object[error.start]:02x} is not UTF-8; save the file as UTF-8"
        ) from None


def _texts(config: TaggerConfig) -> Iterator[tuple[str, str]]:
    """Yield every text that may be an address or hold one, with its key: all but names of tags."""
    yield from _texts_in(config.model_dump(mode="json", exclude={"tags", "gate"}), ())
    yield from _texts_in(config.monitor.model_dump(mode="json"), ("monitor",))


def _texts_in(value: object, keys: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    match value:
        case str():
            yield ".".join(keys), value
        case dict():
            for key, each in value.items():
                yield from _texts_in(each, (*keys, str(key)))
        case list():
            for number, each in enumerate(value):
                yield from _texts_in(each, keys if isinstance(each, str) else (*keys, str(number)))


def _refusal(path: Path | str, key: str, text: str) -> str:
    kind = "query" if key.endswith(".query") else "address"
    found = f"{path}: {key}: the {kind} holds a password, token or signature, which every report would show"
    if kind == "query":  # in which variables are not replaced
        return f"{found}; keep it in the database, or in the variable of url"
    return f"{found}; use ${{VARIABLE}} instead. Received: {hide_passwords(text)}"


def _said(message: str) -> str:
    """Return what a check of a configuration says, without what pydantic puts in front of it."""
    return message.removeprefix("Value error, ")


def _received(kind: str, key: str, value: object) -> str:
    """Return the value that was wrong, but neither tables, which hold other values, nor passwords."""
    if kind in ("missing", "value_error") or isinstance(value, dict | list | tuple):
        return ""
    if is_secret(key):
        return ". Received: ***"
    return f". Received: {hide_passwords(repr(value))}"
