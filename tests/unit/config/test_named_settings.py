"""Settings as inputs of steps."""

from __future__ import annotations

import pytest

from seqtag.config import TaggerConfig, config_inputs


def tagger(**tables: object) -> TaggerConfig:
    return TaggerConfig.model_validate({"name": "x", "corpus": {"sources": [{"format": "sample"}]}, **tables})


@pytest.mark.parametrize(
    ("tables", "keys", "name"),
    [
        ({"monitor": {"quantile": 0.9}}, ("monitor", "seed"), "monitor.quantile"),  # no model depends on it
        ({"gate": {"floor": 0.5}}, ("gate",), "gate.floor"),
        ({"seed": 7}, ("monitor", "seed"), "seed"),
    ],
)
def test_a_changed_setting_is_a_changed_input(
    tables: dict[str, object], keys: tuple[str, ...], name: str
) -> None:
    before, now = config_inputs(tagger(), *keys), config_inputs(tagger(**tables), *keys)
    assert {key for key in before.keys() | now.keys() if before.get(key) != now.get(key)} == {name}


def test_a_key_without_settings_is_an_error() -> None:
    with pytest.raises(KeyError, match="no settings at"):
        config_inputs(tagger(), "gate", "monitoring")
