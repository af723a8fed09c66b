"""Load and validate a tagger's TOML file."""

from __future__ import annotations

import codecs
import logging
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from seqtag.config.old_spellings import keys_given_twice, old_spellings
from seqtag.config.secrets import has_password, hide_passwords
from seqtag.config.tagger_config import TaggerConfig
from seqtag.config.validation_errors import one_line_each
from seqtag.errors import ConfigError

_LARGEST = 1 << 20  # bytes; a larger file is hardly a tagger's

logger = logging.getLogger(__name__)


def load_tagger(path: Path | str) -> TaggerConfig:
    """Load and validate a tagger's TOML file.

    Raises:
        ConfigError: the file is missing, is not TOML, has an unknown key or an invalid value, or holds a
            password, token or signature; the message names every offending key.
    """
    require_toml(Path(path))
    try:
        stored = Path(path).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL character
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"{path}: tagger's TOML file cannot be read: {reason}") from error
    return parse_tagger(_text(path, stored), path)


def require_toml(path: Path) -> None:
    """Refuse a file of data in place of a tagger's TOML file; one that is missing is none.

    Raises:
        ConfigError: the file neither has the suffix of TOML nor is TOML.
    """
    if path.suffix == ".toml" or not path.is_file():
        return
    try:
        tomllib.loads(path.read_text("utf-8-sig") if path.stat().st_size < _LARGEST else "=")
    except (OSError, ValueError, RecursionError):
        raise ConfigError(
            f"{path}: file is not a tagger's TOML file, but probably data: expected a tagger's name or its "
            f"TOML file; next: seqtag init {shlex.quote(str(path))}, which writes one for this data"
        ) from None


def parse_tagger(text: str, path: Path | str) -> TaggerConfig:
    """Validate the text of a tagger's TOML file, whether the file at `path` exists or not.

    Raises:
        ConfigError: as for `load_tagger`.
    """
    try:
        tables = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # not TOML, a number too long, a list too deep
        raise ConfigError(f"{path}: {error}") from error
    for old, new in old_spellings(tables):
        logger.warning("%s: %s is an old spelling; write %s", path, old, new)
    twice = [
        f"{path}: {old}: old spelling of {new}, which is also given; remove {old}"
        for old, new in keys_given_twice(tables)
    ]
    if twice:
        raise ConfigError("\n".join(twice))
    try:
        config = TaggerConfig.model_validate(tables, context={"folder": Path(path).absolute().parent})
    except ValidationError as error:
        raise ConfigError(
            one_line_each(path, error, TaggerConfig)
        ) from None  # the cause would print entire tables
    secrets = [(key, text) for key, text in _texts(config) if has_password(text)]
    if secrets:  # every report would show them
        raise ConfigError("\n".join(_refusal(path, key, text) for key, text in secrets))
    return config


def _text(path: Path | str, stored: bytes) -> str:
    """Return the text of a TOML file without a UTF-8 byte order mark, which Notepad writes."""
    marks = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    if stored.startswith(marks) or b"\0" in stored[:2]:  # UTF-32 starts the same
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
    """Yield the key and value of every string that may contain a URL: all except tag names."""
    yield from _texts_in(config.model_dump(mode="json", exclude={"tags", "gate"}), "")
    yield from _texts_in(config.monitor.model_dump(mode="json"), "monitor")
    yield from _texts_in(config.tagging.model_dump(mode="json"), "tagging")


def _texts_in(value: object, key: str) -> Iterator[tuple[str, str]]:
    match value:
        case str():
            yield key, value
        case dict():
            for name, each in value.items():
                yield from _texts_in(each, f"{key}.{name}" if key else str(name))
        case list():
            for number, each in enumerate(value):
                yield from _texts_in(each, key if isinstance(each, str) else f"{key}[{number}]")


def _refusal(path: Path | str, key: str, text: str) -> str:
    holds = "holds a password, token or signature, which every report would show"
    if key.endswith(".query"):  # variables are not replaced in queries
        return f"{path}: {key}: query {holds}; keep it in the database, or in the variable of url"
    return f"{path}: {key}: address {holds}: got {hide_passwords(text)}; use ${{VARIABLE}} instead"
