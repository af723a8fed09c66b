"""Old spellings of keys and values in a tagger's file: still read, with a warning that names the new one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_KEYS: Mapping[tuple[str, str], str] = {
    ("features", "ladder"): "bucket_lengths",
    ("train", "batch_cells"): "max_batch_tokens",
    ("gate", "reanchor"): "retrain_champion",
}
_VALUES: Mapping[tuple[str, str], Mapping[str, str]] = {("train", "recipe"): {"seed": "base"}}


def with_new_spellings(tables: Any) -> Any:
    """Return a tagger's tables with old keys and values replaced; a key that is given twice is left alone.

    >>> with_new_spellings({"train": {"recipe": "seed", "batch_cells": 64}})
    {'train': {'recipe': 'base', 'max_batch_tokens': 64}}
    """
    if not isinstance(tables, Mapping):
        return tables
    return {
        name: _renewed(name, table) if isinstance(table, Mapping) else table for name, table in tables.items()
    }


def old_spellings(tables: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the old spellings in a tagger's tables, each with the new one.

    >>> list(old_spellings({"train": {"recipe": "seed", "batch_cells": 64}}))
    [('train.batch_cells', 'max_batch_tokens'), ('train.recipe = "seed"', '"base"')]
    """
    for (table, key), new in _KEYS.items():
        if key in _table(tables, table):
            yield f"{table}.{key}", new
    for (table, key), renamed in _VALUES.items():
        value = _table(tables, table).get(key)
        if isinstance(value, str) and value in renamed:
            yield f'{table}.{key} = "{value}"', f'"{renamed[value]}"'


def keys_given_twice(tables: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the old keys that are given as well as their new ones, each with the new one.

    >>> list(keys_given_twice({"train": {"batch_cells": 64, "max_batch_tokens": 32}}))
    [('train.batch_cells', 'max_batch_tokens')]
    """
    for (table, key), new in _KEYS.items():
        if {key, new} <= _table(tables, table).keys():
            yield f"{table}.{key}", new


def new_recipe_name(name: str) -> str:
    """Return the name of a recipe, which a bundle may spell in the old way.

    >>> new_recipe_name("seed"), new_recipe_name("default")
    ('base', 'default')
    """
    return _VALUES["train", "recipe"].get(name, name)


def _renewed(name: str, table: Mapping[str, Any]) -> dict[str, Any]:
    renewed: dict[str, Any] = {}
    for key, value in table.items():
        new = _KEYS.get((name, key), key)
        new = key if new in table else new  # given twice: the old key is refused as unknown
        known = _VALUES.get((name, key), {})
        renewed[new] = known.get(value, value) if isinstance(value, str) else value
    return renewed


def _table(tables: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = tables.get(name)
    return table if isinstance(table, Mapping) else {}
