"""Files of predictions that the tests of split scores share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.evaluation.scored_files import (
    GENRES,
    TEST,
    TRAIN,
    WritePredictions,
)


@pytest.fixture
def files(write_predictions: WritePredictions) -> dict[str, Path]:
    champion = [(words, gold, "O " * len(words.split())) for words, gold, _ in TEST]
    return {
        "train": write_predictions("train", TRAIN),
        "challenger": write_predictions("challenger", TEST, genre=GENRES),
        "champion": write_predictions("champion", champion, genre=GENRES),
    }
