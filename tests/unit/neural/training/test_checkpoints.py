"""Trainings that are cut off, at any point, and go on as if nothing had been."""

import json
import logging
import shutil

import numpy as np
import pytest

from seqtag.neural.training.checkpoints import Checkpoint, Checkpoints
from seqtag.neural.training.progress import EpochRecord, Position, Progress

MOVING = {"max_epochs": 3, "average": 1.0, "decay": 0.1}  # all that a step may depend on moves


class CutOffError(Exception):
    """Stands for what ends a process."""


class Cutting(Checkpoints):
    """Ends the training behind each of the checkpoints of these numbers."""

    def __init__(self, folder, numbers):
        super().__init__(folder, every=0)
        self._numbers = numbers

    def write(self, checkpoint):
        super().write(checkpoint)
        at = checkpoint.progress.position
        if (at.epoch, at.n_batches) in self._numbers:
            raise CutOffError


def checkpoint(epoch=1, n_batches=0):
    record = EpochRecord(1, 0.5, 0.25, 0.75, 1.5, 100.0, 1e-3)
    progress = Progress(
        Position(epoch, n_batches, 1.25, 7, 0.5), (record,), {"w": np.array([0.5], np.float32)}
    )
    return Checkpoint(progress, {"x": np.arange(3), "n": np.array(4)})


def same(ours, theirs):
    assert set(ours) == set(theirs)
    return all(np.array_equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize(
    ("recipe", "optimizer"), [("seed", "adam"), ("default", "lazy-adam"), ("default", "adam")]
)
def test_a_training_that_is_cut_off_comes_to_the_same_weights_and_scores(toy, tmp_path, recipe, optimizer):
    said = {**MOVING, "recipe": recipe, "optimizer": optimizer}
    whole = toy.train(tmp_path / "whole", **said)
    cuts = [(1, 2), (1, 7), (2, 0), (2, 5), (3, 1), (3, 10)]  # within epochs, and between them
    folder = tmp_path / "checkpoints"
    for number in range(len(cuts)):
        with pytest.raises(CutOffError):
            toy.train(
                tmp_path / f"cut-{number}", checkpoints=Cutting(folder, cuts[number : number + 1]), **said
            )
    resumed = toy.train(tmp_path / "resumed", checkpoints=Checkpoints(folder, every=0), **said)
    ours, theirs = (json.loads((bundle / "bundle.json").read_text()) for bundle in (whole, resumed))
    for said in (ours, theirs):
        del said["files"]["saved_model/saved_model.pb"]  # numbers the tables that its process has made
    assert ours == theirs
    of_time = {"seconds", "tokens_per_second"}
    histories = [json.loads((bundle / "history.json").read_text()) for bundle in (whole, resumed)]
    ours, theirs = (
        [{name: value for name, value in record.items() if name not in of_time} for record in history]
        for history in histories
    )
    assert ours == theirs
    assert len(ours) == 3


def test_a_training_that_ended_is_only_written_again(toy, tmp_path, caplog):
    folder, told = tmp_path / "checkpoints", []
    whole = toy.train(tmp_path / "whole", checkpoints=Checkpoints(folder, every=0))
    caplog.clear()
    with caplog.at_level(logging.INFO, "seqtag.neural"):
        again = toy.train(tmp_path / "again", checkpoints=Checkpoints(folder, every=0), on_epoch=told.append)
    assert told == []
    assert "goes on in epoch 2, batch 1" in caplog.messages
    assert (whole / "weights.npz").read_bytes() == (again / "weights.npz").read_bytes()


def test_half_the_batches_are_learnt_from_where_memory_is_short(toy, tmp_path):
    bundle = toy.train(tmp_path / "halved", halved=True)
    said = json.loads((bundle / "bundle.json").read_text())
    assert (
        said["batch_cells"] == 48
    )  # of 12 long sequences padded to 8, which teach as much as 16 of mean length


def test_a_checkpoint_comes_back_as_it_was(tmp_path):
    Checkpoints(tmp_path, every=0).write(checkpoint(2, 3))
    found = Checkpoints(tmp_path, every=0).newest()
    assert found.progress.position == Position(2, 3, 1.25, 7, 0.5)
    assert found.progress.history == checkpoint().progress.history
    assert same(found.progress.best_weights, checkpoint().progress.best_weights)
    assert same(found.state, checkpoint().state)


def test_the_newest_checkpoint_counts_whichever_writer_it_is_from(tmp_path):
    for number in range(1, 6):
        checkpoints = Checkpoints(tmp_path, every=0)
        checkpoints.write(checkpoint(number))
        assert checkpoints.newest().progress.position.epoch == number
        assert Checkpoints(tmp_path, every=0).newest().progress.position.epoch == number
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


@pytest.mark.parametrize("damage", ["bit", "missing", "half-written"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path, damage):
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
    else:  # killed while a third one was written
        shutil.move(tmp_path / newest, tmp_path / f".{newest}.partial")
    found = Checkpoints(tmp_path, every=0)
    assert found.newest().progress.position.epoch == 1
    found.write(checkpoint(3))
    assert Checkpoints(tmp_path, every=0).newest().progress.position.epoch == 3


def test_none_is_due_before_its_time(tmp_path):
    checkpoints = Checkpoints(tmp_path, every=3600)
    assert not checkpoints.is_due()
    assert Checkpoints(tmp_path, every=0).is_due()
    assert checkpoints.newest() is None
