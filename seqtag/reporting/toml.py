"""Serialize a resolved configuration as TOML, so that a run can be reproduced from its report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def toml_text(config: Mapping[str, Any]) -> str:
    """Return nested mappings as TOML; None, which TOML lacks, is omitted and takes its default.

    >>> print(toml_text({"name": "pos", "corpus": {"sources": [{"format": "sample"}]}}), end="")
    name = "pos"
    <BLANKLINE>
    [corpus]
    <BLANKLINE>
    [[corpus.sources]]
    format = "sample"
    """
    return "\n".join(_lines(config, ())).strip("\n") + "\n"


def _lines(table: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    plain = {key: value for key, value in table.items() if value is not None and not _holds_tables(value)}
    lines = [f"{_key(key)} = {_value(value)}" for key, value in plain.items()]
    for key, value in table.items():
        if value is None or not _holds_tables(value):
            continue
        header = ".".join(map(_key, (*path, key)))
        if isinstance(value, Mapping):
            lines += ["", f"[{header}]", *_lines(value, (*path, key))]
        else:
            for row in value:
                lines += ["", f"[[{header}]]", *_lines(row, (*path, key))]
    return lines


def _holds_tables(value: object) -> bool:
    return isinstance(value, Mapping) or (
        isinstance(value, list | tuple) and bool(value) and all(isinstance(row, Mapping) for row in value)
    )


def _key(key: str) -> str:
    is_bare = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return key if is_bare else json.dumps(key)


def _value(value: object) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)
