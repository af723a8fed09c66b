"""The steps from accepted sequences to a model, as errors reach the user."""

import re
from datetime import date

import pytest

from seqtag import steps
from seqtag.config import Settings, load_tagger
from seqtag.errors import TrainingError
from seqtag.steps import Place
from tests.taggers import Taggers


def test_a_loss_that_is_no_number_is_an_error_with_the_ids_of_its_sequences(tmp_path, monkeypatch):
    monkeypatch.setenv("SEQTAG_HOME", str(tmp_path / "home"))
    place = Place.of(Settings())
    path = tmp_path / "small.toml"
    Taggers(tmp_path).write()
    path.write_text(path.read_text().replace("max_epochs = 1", "max_epochs = 1\nlearning_rate = 1e38"))
    config = load_tagger(path)
    run = steps.open_run(config, steps.ingest(config, place), place, as_of=date(2026, 1, 1))
    for step in (steps.validate, steps.split, steps.index, steps.encode):
        step(run)
    with pytest.raises(
        TrainingError, match=r"epoch 1, batch \d+: a finite loss .* Received: (nan|inf)"
    ) as said:
        steps.train(run)
    named = re.search(r"\(sequences (.*) and \d+ more of the snapshot\)", str(said.value))[1].split(", ")
    assert len(named) == 8
    assert all(re.fullmatch(r"session-?\w*\d+", name) for name in named)
    assert not run.model.exists()
