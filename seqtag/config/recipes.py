"""Recipes by name: an encoder, and defaults for keys that a TOML file leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Recipe:
    """An encoder and the settings that go with it."""

    encoder: str  # module and class in `seqtag.neural.recipes`; by name, since it imports TensorFlow
    defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # in place of the tables' own
    always_softmax: bool = False  # false: the tag scheme or [model] chooses the output


_AS_IN_KERAS: Mapping[str, Mapping[str, Any]] = {
    "tags": {"train_scheme": "IOB2"},
    "features": {"min_count": 2, "fold": "none"},  # with 1, <unk> would never be trained
    "train": {
        "optimizer": "adam",
        "learning_rate": 1e-3,
        "decay": 0.0,
        "clip_norm": 0.0,
        "average": 0.0,
    },
}

RECIPES: Mapping[str, Recipe] = {
    "default": Recipe("default_recipe:DefaultEncoder"),
    "base": Recipe("base_recipe:BaseEncoder", defaults=_AS_IN_KERAS, always_softmax=True),
}


def with_recipe(tables: Any) -> Any:
    """Return a tagger's tables filled with the defaults of their recipe."""
    train = tables.get("train") if isinstance(tables, Mapping) else None
    recipe = train.get("recipe") if isinstance(train, Mapping) else None
    if not isinstance(recipe, str) or recipe not in RECIPES:
        return tables
    defaults = RECIPES[recipe].defaults
    return {**tables, **{name: _filled(tables.get(name, {}), own) for name, own in defaults.items()}}


def _filled(table: Any, defaults: Mapping[str, Any]) -> Any:
    return {**defaults, **table} if isinstance(table, Mapping) else table
