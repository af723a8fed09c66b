"""SIGKILL at random points of every step: the next night comes to the same, and nothing is half-written."""

from __future__ import annotations

import json
import random
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from seqtag.artifacts import require_manifest
from seqtag.pipeline import STEPS
from tests.faults.night import Begun, Nights, forget, let_it_work

TRAIN = """
import logging
from pathlib import Path
from seqtag import steps
from seqtag.run_dir import RunDir

logging.basicConfig(level=logging.INFO)
steps.train(RunDir(Path({run!r})), checkpoints_every=0)
"""


@pytest.mark.parametrize("kill_number", [1, 2])
@pytest.mark.parametrize("step", [step.folder for step in STEPS])
def test_a_night_killed_within_a_step_is_made_good_by_the_next(
    nights: Nights, step: str, kill_number: int
) -> None:
    before = nights.came_to()
    output = nights.run.path / step
    seconds = require_manifest(output).seconds
    draw = random.Random(f"{step} {kill_number}")
    forget(output)
    night = nights.begin()
    unfinished = output.with_name(f".{step}.partial")
    killed = night.wait_until(unfinished.exists)
    if killed:
        let_it_work(draw.uniform(0, 0.8) * seconds)
        night.kill()
    nights.check()
    assert nights.champion == before["champion"]
    again = nights.night()
    assert again.code == 0, again.said
    nights.check()
    assert nights.came_to() == before
    assert not unfinished.exists()
    assert killed or seconds < 0.1, "the step was over before it could be killed"


def test_a_night_killed_while_it_reads_the_sources_is_made_good_by_the_next(nights: Nights) -> None:
    before = nights.came_to()
    forget(nights.home / "corpora")
    night = nights.begin()
    if night.wait_until((nights.home / "corpora" / "small" / ".partial").exists):
        night.kill()
    nights.check()
    assert nights.night().code == 0
    assert nights.came_to() == before


def test_a_killed_training_process_is_a_failed_night_with_its_last_words(nights: Nights) -> None:
    before = nights.came_to()
    forget(nights.run.output("train"))
    night = nights.begin()
    assert night.wait_until(night.children)
    (child,) = night.children()
    child.kill()
    outcome = night.end()
    assert outcome.code == 1
    assert "Error: seqtag.steps.train:fit_recipe: subprocess died of SIGKILL" in outcome.said
    assert "died of SIGKILL" in outcome.said
    assert nights.champion == before["champion"]
    assert nights.night().code == 0
    assert nights.came_to() == before


def test_a_process_killed_while_it_tags_the_champion_decides_nothing(tmp_path: Path) -> None:
    """The run fails, and the next one tags again and decides what an undisturbed one did."""
    nights = Nights(tmp_path)
    with nights.tagger.open("a") as tagger:
        tagger.write("max_latency_ratio = 0\nmax_memory_ratio = 0\n")  # measured anew each time
    assert nights.night().code == 0
    nights.write_corpus(340)
    assert nights.night().code == 0
    before = without_costs(nights)
    assert json.loads(nights.run.opponent.read_text())["version"] == "1"
    forget(nights.run.output("evaluate"))
    night = nights.begin()
    assert night.wait_until(night.children)
    challenger = pids(night)
    assert night.wait_until(lambda: pids(night) - challenger)
    (champion,) = [child for child in night.children() if child.pid not in challenger]
    champion.kill()
    outcome = night.end()
    assert outcome.code == 1
    assert "Error: seqtag.steps.evaluate:tag_split: subprocess died of SIGKILL" in outcome.said
    assert "died of SIGKILL" in outcome.said
    assert not nights.run.output("evaluate").exists()
    nights.check()
    again = nights.night()
    assert again.code == 0, again.said
    assert json.loads(nights.run.metrics.read_text())["champion_error"] is None
    assert without_costs(nights) == before


def test_a_training_killed_again_and_again_goes_on_and_comes_to_the_same_weights(nights: Nights) -> None:
    before, run = nights.came_to(), nights.run
    history = scores(run.history)
    forget(run.output("train"))
    draw, kills, positions = random.Random(1), 0, []
    checkpoints = run.path.parent / ".checkpoints"
    while kills < 10:
        training, newest = nights.begin(code=TRAIN.format(run=str(run.path))), stamps(checkpoints)
        if not training.wait_until(partial(has_changed, checkpoints, newest)):
            break
        let_it_work(draw.uniform(0, 0.3))
        training.kill()
        kills += 1
        went_on = re.findall(r"goes on in epoch (\d+), batch (\d+)", training.said)
        positions += [tuple(map(int, at)) for at in went_on]
    assert nights.night().code == 0
    assert nights.came_to() == before
    assert scores(run.history) == history
    assert kills >= 3
    assert positions == sorted(positions)
    assert len(set(positions)) >= 2
    assert not any(checkpoints.iterdir())


def pids(night: Begun) -> set[int]:
    return {child.pid for child in night.children()}


def without_costs(nights: Nights) -> dict[str, Any]:
    """Return what a run came to without the rules that hold measured times and bytes."""
    came_to = nights.came_to()
    rules = [rule for rule in came_to["decision"]["rules"] if "budget" not in rule["rule"]]
    return {**came_to, "decision": {**came_to["decision"], "rules": rules}, "ledger": None}


def stamps(folder: Path) -> list[int]:
    return sorted(path.stat().st_mtime_ns for path in folder.glob("*/?/manifest.json"))


def has_changed(folder: Path, newest: list[int]) -> bool:
    return stamps(folder) != newest


def scores(history: Path) -> list[tuple[float, float]]:
    return [(record["loss"], record["dev_score"]) for record in json.loads(history.read_text())]
