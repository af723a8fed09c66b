"""What a recipe decides where a TOML file does not: the defaults that differ from the tables' own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

RecipeName = Literal["default", "seed"]

# The tables' own defaults are those of "default".
_DEFAULTS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "seed": {
        "tags": {"train_scheme": "IOB2"},
        "features": {"min_count": 2, "fold": "none"},  # with 1, nothing would ever teach <unk>
        "train": {
            "optimizer": "adam",
            "learning_rate": 1e-3,
            "decay": 0.0,
            "clip_norm": 0.0,
            "average": 0.0,
        },  # Keras' own Adam
    }
}


def with_recipe(tables: Any) -> Any:
    """Return a tagger's tables with the defaults of the recipe that they name."""
    if not isinstance(tables, Mapping):
        return tables
    train = tables.get("train", {})
    recipe = train.get("recipe") if isinstance(train, Mapping) else None
    if not isinstance(recipe, str) or recipe not in _DEFAULTS:
        return tables
    return {**tables, **{name: _filled(tables.get(name, {}), own) for name, own in _DEFAULTS[recipe].items()}}


def _filled(table: Any, defaults: Mapping[str, Any]) -> Any:
    return {**defaults, **table} if isinstance(table, Mapping) else table
