"""Trainings that are interrupted at any point give the same result as uninterrupted ones."""

import json
import logging
import shutil

import numpy as np
import pytest

from seqtag.evaluation import EpochRecord
from seqtag.neural.training.checkpoints import Checkpoint, Checkpoints
from seqtag.neural.training.progress import Position, Progress

CHANGING_STATE = {"max_epochs": 3, "average": 1.0, "decay": 0.1}  # everything a step depends on changes


class InterruptionError(Exception):
    """Simulates the death of the process."""


class InterruptingCheckpoints(Checkpoints):
    """Interrupts the training after the checkpoint at the given (epoch, number of batches)."""

    def __init__(self, folder, position):
        super().__init__(folder, every=0)
        self._position = position

    def write(self, checkpoint):
        super().write(checkpoint)
        at = checkpoint.progress.position
        if (at.epoch, at.n_batches) == self._position:
            raise InterruptionError


def checkpoint(epoch=1, n_batches=0):
    record = EpochRecord(1, 0.5, 0.25, 0.75, 1.5, 100.0, 1e-3)
    progress = Progress(
        Position(epoch, n_batches, 1.25, 7, 0.5), (record,), {"w": np.array([0.5], np.float32)}
    )
    return Checkpoint(progress, {"x": np.arange(3), "n": np.array(4)})


def are_equal(some, others):
    assert set(some) == set(others)
    return all(np.array_equal(some[name], others[name]) for name in some)


@pytest.mark.parametrize(
    ("recipe", "optimizer"), [("base", "adam"), ("default", "lazy-adam"), ("default", "adam")]
)
def test_an_interrupted_training_gives_the_same_weights_and_scores(toy, tmp_path, recipe, optimizer):
    settings = {**CHANGING_STATE, "recipe": recipe, "optimizer": optimizer}
    whole = toy.train(tmp_path / "whole", **settings)
    positions = [(1, 2), (1, 7), (2, 0), (2, 5), (3, 1), (3, 10)]  # within and between epochs
    folder = tmp_path / "checkpoints"
    for number, position in enumerate(positions):
        checkpoints = InterruptingCheckpoints(folder, position)
        with pytest.raises(InterruptionError):
            toy.train(tmp_path / f"interrupted-{number}", checkpoints=checkpoints, **settings)
    resumed = toy.train(tmp_path / "resumed", checkpoints=Checkpoints(folder, every=0), **settings)
    contents = [json.loads((bundle / "bundle.json").read_text()) for bundle in (whole, resumed)]
    for content in contents:
        del content["files"]["saved_model/saved_model.pb"]  # contains counters of the process
    assert contents[0] == contents[1]
    timings = {"seconds", "tokens_per_second"}
    histories = [json.loads((bundle / "history.json").read_text())["epochs"] for bundle in (whole, resumed)]
    untimed, resumed_untimed = (
        [{name: value for name, value in record.items() if name not in timings} for record in history]
        for history in histories
    )
    assert untimed == resumed_untimed
    assert len(untimed) == 3


def test_a_finished_training_is_only_written_again(toy, tmp_path, caplog):
    folder, reported = tmp_path / "checkpoints", []
    whole = toy.train(tmp_path / "whole", checkpoints=Checkpoints(folder, every=0))
    caplog.clear()
    with caplog.at_level(logging.INFO, "seqtag.neural"):
        again = toy.train(
            tmp_path / "again", checkpoints=Checkpoints(folder, every=0), on_epoch=reported.append
        )
    assert reported == []
    assert "resuming at epoch 2, batch 1" in caplog.messages
    assert (whole / "weights.npz").read_bytes() == (again / "weights.npz").read_bytes()


def test_a_halved_training_has_batches_half_as_large(toy, tmp_path):
    bundle = toy.train(tmp_path / "halved", halved=True)
    # half of 12 long sequences, padded to 8, which have as many loss tokens as 16 sequences of mean length
    assert json.loads((bundle / "bundle.json").read_text())["max_batch_tokens"] == 48


def test_a_checkpoint_round_trips(tmp_path):
    Checkpoints(tmp_path, every=0).write(checkpoint(2, 3))
    found = Checkpoints(tmp_path, every=0).newest()
    assert found.progress.position == Position(2, 3, 1.25, 7, 0.5)
    assert found.progress.history == checkpoint().progress.history
    assert are_equal(found.progress.best_weights, checkpoint().progress.best_weights)
    assert are_equal(found.state, checkpoint().state)


def test_the_newest_checkpoint_is_found_by_its_writer_and_by_others(tmp_path):
    for number in range(1, 6):
        checkpoints = Checkpoints(tmp_path, every=0)
        checkpoints.write(checkpoint(number))
        assert checkpoints.newest().progress.position.epoch == number
        assert Checkpoints(tmp_path, every=0).newest().progress.position.epoch == number
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


@pytest.mark.parametrize("damage", ["bit", "missing", "half-written"])
def test_a_damaged_checkpoint_is_replaced_by_the_previous_one(tmp_path, damage):
    checkpoints = Checkpoints(tmp_path, every=0)
    checkpoints.write(checkpoint(1))
    checkpoints.write(checkpoint(2))
    newest = next(
        slot for slot in ("a", "b") if '"epoch": 2' in (tmp_path / slot / "progress.json").read_text()
    )
    file = tmp_path / newest / "state.npz"
    if damage == "bit":
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    elif damage == "missing":
        file.unlink()
    else:  # killed while writing a third one
        shutil.move(tmp_path / newest, tmp_path / f".{newest}.partial")
    found = Checkpoints(tmp_path, every=0)
    assert found.newest().progress.position.epoch == 1
    found.write(checkpoint(3))
    assert Checkpoints(tmp_path, every=0).newest().progress.position.epoch == 3


def test_no_checkpoint_is_due_early(tmp_path):
    checkpoints = Checkpoints(tmp_path, every=3600)
    assert not checkpoints.is_due()
    assert Checkpoints(tmp_path, every=0).is_due()
    assert checkpoints.newest() is None
