"""One tagger of the toy language, trained once."""

from pathlib import Path

import pytest

from tests.unit.neural.toy import Ground, lay_ground, toy_language


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    splits = {
        "train": toy_language(160, seed=1),
        "dev": toy_language(40, seed=2, longest=20),
        "test": toy_language(40, seed=3, longest=20),
    }
    return lay_ground(tmp_path_factory.mktemp("toy"), splits, scheme="IOB2", metric="span_f1")


@pytest.fixture(scope="session")
def toy_bundle(toy: Ground, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tagger of the toy language, trained once."""
    return toy.train(tmp_path_factory.mktemp("toy-model") / "bundle", max_epochs=8)
