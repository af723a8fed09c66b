"""Recipes' defaults for keys that a TOML file leaves out, where they differ from the tables' own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

RecipeName = Literal["default", "base"]

# The recipe "default" uses the tables' own defaults.
_DEFAULTS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "base": {
        "tags": {"train_scheme": "IOB2"},
        "features": {"min_count": 2, "fold": "none"},  # with 1, <unk> would never be trained
        "train": {
            "optimizer": "adam",
            "learning_rate": 1e-3,
            "decay": 0.0,
            "clip_norm": 0.0,
            "average": 0.0,
        },  # Adam as in Keras
    }
}


def with_recipe(tables: Any) -> Any:
    """Return a tagger's tables filled with the defaults of their recipe."""
    if not isinstance(tables, Mapping):
        return tables
    train = tables.get("train", {})
    recipe = train.get("recipe") if isinstance(train, Mapping) else None
    if not isinstance(recipe, str) or recipe not in _DEFAULTS:
        return tables
    return {**tables, **{name: _filled(tables.get(name, {}), own) for name, own in _DEFAULTS[recipe].items()}}


def _filled(table: Any, defaults: Mapping[str, Any]) -> Any:
    return {**defaults, **table} if isinstance(table, Mapping) else table
