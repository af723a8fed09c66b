"""SIGKILL at random points of every step: the next run has the same result, and no output is partial."""

from __future__ import annotations

import json
import random
import re
import shutil
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from seqtag.artifacts import require_manifest
from seqtag.pipeline import STEPS
from tests.faults.retraining import Retrainings, StartedProcess

TRAIN = """
import logging
from pathlib import Path
from seqtag import steps
from seqtag.run_dir import RunDir

logging.basicConfig(level=logging.INFO)
steps.train(RunDir(Path({run!r})), checkpoints_every=0)
"""


@pytest.mark.parametrize("kill_number", [1, 2])
@pytest.mark.parametrize("step", [step.name for step in STEPS])
def test_the_next_run_recovers_from_a_kill_within_a_step(
    retrainings: Retrainings, step: str, kill_number: int
) -> None:
    before = retrainings.result()
    output = retrainings.run.path / step
    seconds = require_manifest(output).seconds
    draw = random.Random(f"{step} {kill_number}")
    shutil.rmtree(output)
    running = retrainings.start()
    unfinished = output.with_name(f".{step}.partial")
    killed = running.wait_until(unfinished.exists)
    if killed:
        time.sleep(draw.uniform(0, 0.8) * seconds)
        running.kill()
    retrainings.check_manifests()
    assert retrainings.champion == before["champion"]
    again = retrainings.retrain()
    assert again.code == 0, again.output
    retrainings.check_manifests()
    assert retrainings.result() == before
    assert not unfinished.exists()
    assert killed or seconds < 0.1, "the step was over before it could be killed"


def test_the_next_run_recovers_from_a_kill_during_ingestion(retrainings: Retrainings) -> None:
    before = retrainings.result()
    shutil.rmtree(retrainings.home / "corpora")
    running = retrainings.start()
    if running.wait_until((retrainings.home / "corpora" / "small" / ".partial").exists):
        running.kill()
    retrainings.check_manifests()
    assert retrainings.retrain().code == 0
    assert retrainings.result() == before


def test_a_killed_training_subprocess_fails_the_run_with_a_clear_error(retrainings: Retrainings) -> None:
    before = retrainings.result()
    shutil.rmtree(retrainings.run.output("train"))
    running = retrainings.start()
    assert running.wait_until(running.children)
    (child,) = running.children()
    child.kill()
    outcome = running.wait()
    assert outcome.code == 1
    assert "Error: seqtag.steps.train:fit_recipe: subprocess died of SIGKILL" in outcome.output
    assert "died of SIGKILL" in outcome.output
    assert retrainings.champion == before["champion"]
    assert retrainings.retrain().code == 0
    assert retrainings.result() == before


def test_no_decision_is_made_if_the_process_that_tags_with_the_champion_is_killed(tmp_path: Path) -> None:
    """The run fails; the next one tags again and makes the same decision as an undisturbed run."""
    retrainings = Retrainings(tmp_path)
    with retrainings.tagger.open("a") as tagger:
        tagger.write("max_latency_ratio = 0\nmax_memory_ratio = 0\n")  # they are measured again in each run
    assert retrainings.retrain().code == 0
    retrainings.write_corpus(340)
    assert retrainings.retrain().code == 0
    before = without_costs(retrainings)
    assert json.loads(retrainings.run.opponent.read_text())["champion"]["version"] == "1"
    shutil.rmtree(retrainings.run.output("evaluate"))
    running = retrainings.start()
    assert running.wait_until(running.children)
    challenger = pids(running)
    assert running.wait_until(lambda: pids(running) - challenger)
    (champion,) = [child for child in running.children() if child.pid not in challenger]
    champion.kill()
    outcome = running.wait()
    assert outcome.code == 1
    assert "Error: seqtag.steps.evaluate:tag_split: subprocess died of SIGKILL" in outcome.output
    assert "died of SIGKILL" in outcome.output
    assert not retrainings.run.output("evaluate").exists()
    retrainings.check_manifests()
    again = retrainings.retrain()
    assert again.code == 0, again.output
    assert json.loads(retrainings.run.metrics.read_text())["champion_error"] is None
    assert without_costs(retrainings) == before


def test_a_repeatedly_killed_training_resumes_and_ends_with_the_same_weights(
    retrainings: Retrainings,
) -> None:
    before, run = retrainings.result(), retrainings.run
    history = scores(run.history)
    shutil.rmtree(run.output("train"))
    draw, kills, positions = random.Random(1), 0, []
    checkpoints = run.path.parent / ".checkpoints"
    while kills < 10:
        training, newest = retrainings.start(code=TRAIN.format(run=str(run.path))), stamps(checkpoints)
        if not training.wait_until(partial(has_changed, checkpoints, newest)):
            break
        time.sleep(draw.uniform(0, 0.3))
        training.kill()
        kills += 1
        resumed = re.findall(r"at epoch (\d+), batch (\d+)", training.output)
        positions += [tuple(map(int, at)) for at in resumed]
    assert retrainings.retrain().code == 0
    assert retrainings.result() == before
    assert scores(run.history) == history
    assert kills >= 3
    assert positions == sorted(positions)
    assert len(set(positions)) >= 2
    assert not any(checkpoints.iterdir())


def pids(running: StartedProcess) -> set[int]:
    return {child.pid for child in running.children()}


def without_costs(retrainings: Retrainings) -> dict[str, Any]:
    """Return the result of a run without the rules on measured times and sizes."""
    result = retrainings.result()
    rules = [rule for rule in result["decision"]["rules"] if "budget" not in rule["rule"]]
    return {**result, "decision": {**result["decision"], "rules": rules}, "ledger": None}


def stamps(folder: Path) -> list[int]:
    return sorted(path.stat().st_mtime_ns for path in folder.glob("*/?/manifest.json"))


def has_changed(folder: Path, newest: list[int]) -> bool:
    return stamps(folder) != newest


def scores(history: Path) -> list[tuple[float, float]]:
    return [(record["loss"], record["dev_score"]) for record in json.loads(history.read_text())["epochs"]]
