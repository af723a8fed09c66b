"""Grounds of the toy languages, and taggers that are trained once and looked at by many tests."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.unit.neural.toy import Ground, lay_ground, suffix_language, toy_language


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """The language in which what comes next decides."""
    splits = {
        "train": toy_language(160, seed=1),
        "dev": toy_language(40, seed=2, longest=20),
        "test": toy_language(40, seed=3, longest=20),
    }
    return lay_ground(tmp_path_factory.mktemp("toy"), splits, scheme="IOB2", metric="span_f1")


@pytest.fixture(scope="session")
def toy_bundle(toy: Ground, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tagger of the toy language by the recipe `seed`."""
    return toy.train(tmp_path_factory.mktemp("toy-model") / "bundle", recipe="seed", max_epochs=8)


@pytest.fixture(scope="session")
def suffixes(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """The language in which suffixes decide; dev and test share but two words with train."""
    splits = {
        "train": suffix_language(240, seed=1, letters="abcde", longest=16),
        "dev": suffix_language(60, seed=2, letters="mnopq", longest=16),
        "test": suffix_language(60, seed=3, letters="vwxyz", longest=16),
    }
    return lay_ground(tmp_path_factory.mktemp("suffixes"), splits, scheme="IOB2", metric="span_f1")


@pytest.fixture(scope="session")
def suffix_bundle(suffixes: Ground, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return `bundle(output)`: a tagger of the language of suffixes by the recipe `default`."""

    @cache
    def bundle(output: str) -> Path:
        return suffixes.train(
            tmp_path_factory.mktemp(output) / "bundle", output=output, max_epochs=8, patience=3
        )

    return bundle
