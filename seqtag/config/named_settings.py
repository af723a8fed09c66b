"""Settings by the names of their keys, as a TOML file spells them, and those that differ."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from seqtag.config.secrets import hide_passwords


def named_settings(tables: Mapping[str, Any], *keys: str) -> dict[str, str]:
    """Return the settings in nested tables, each as JSON without passwords.

    Args:
        keys: only settings at or below these keys; without any, all.

    >>> tables = {"seed": 1, "corpus": {"sources": [{"path": "a.conll"}], "columns": []}}
    >>> named_settings(tables, "corpus")
    {'corpus.sources[0].path': '"a.conll"', 'corpus.columns': '[]'}
    """
    return {
        name: hide_passwords(json.dumps(value, ensure_ascii=False, sort_keys=True))
        for name, value in _leaves(tables)
        if not keys or any(name == key or name.startswith((f"{key}.", f"{key}[")) for key in keys)
    }


def config_inputs(config: BaseModel, *keys: str) -> dict[str, str]:
    """Return the settings of a configuration at or below some keys, as inputs of a step.

    Raises:
        KeyError: there is no setting at or below a key.
    """
    tables = config.model_dump(mode="json")
    for name, field in type(config).model_fields.items():
        if field.exclude:  # tables that no model depends on, such as `monitor`
            tables[name] = getattr(config, name).model_dump(mode="json")
    found = {key: named_settings(tables, key) for key in keys}
    missing = [key for key, settings in found.items() if not settings]
    if missing:
        raise KeyError(f"no settings at {missing}")
    return {name: value for settings in found.values() for name, value in settings.items()}


def _leaves(tables: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tables.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{path}{key}.")
        elif isinstance(value, list | tuple) and any(isinstance(each, Mapping) for each in value):
            yield from _leaves({f"{key}[{i}]": each for i, each in enumerate(value)}, path)
        else:
            yield f"{path}{key}", value
