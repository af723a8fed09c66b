"""Training by several processes on the workers of a Dask cluster, which are processes of this machine."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest

from seqtag import steps
from seqtag.config import Settings, TaggerConfig, load_tagger
from seqtag.errors import ConfigError, SubprocessKilledError
from seqtag.evaluation import TrainingHistory
from seqtag.neural.export.bundle import WEIGHTS
from seqtag.neural.weights import load_arrays
from seqtag.run_dir import RunDir
from seqtag.steps import Workspace
from tests.dask_cluster import PATIENCE, DaskCluster, dask_cluster
from tests.taggers import Taggers


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    pytest.importorskip("distributed", reason="`make test-slow` installs it")
    with dask_cluster(tmp_path_factory.mktemp("dask"), {}) as cluster:
        yield cluster


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.of(Settings(home=tmp_path / "home"))


@pytest.fixture
def taggers(tmp_path: Path) -> Taggers:
    return Taggers(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recipe", "batch_size"), [("base", 32), ("default", 32), pytest.param("base", 1, id="one idle worker")]
)
def test_two_workers_train_what_this_machine_trains(
    recipe: str, batch_size: int, taggers: Taggers, workspace: Workspace, cluster: DaskCluster
) -> None:
    """Sums of gradients are added in another order, so results differ in the last digits."""
    trained = {}
    for workers in (1, 2):
        config = config_of(taggers, recipe=recipe, batch_size=batch_size, workers=workers)
        run = encoded(config, workspace, cluster)
        steps.train(run, scheduler=cluster.scheduler)
        trained[workers] = run
    alone, together = (TrainingHistory.load(run.history).epochs for run in trained.values())
    assert [epoch.loss for epoch in together] == pytest.approx([epoch.loss for epoch in alone], rel=1e-5)
    weights = [load_arrays(weights_of(run)) for run in trained.values()]
    for name, values in weights[0].items():
        np.testing.assert_allclose(weights[1][name], values, atol=1e-4, err_msg=name)


@pytest.mark.slow
def test_a_training_that_lost_a_worker_resumes_with_the_same_result(
    taggers: Taggers, workspace: Workspace, cluster: DaskCluster
) -> None:
    run = encoded(config_of(taggers, workers=2), workspace, cluster)
    steps.train(run, scheduler=cluster.scheduler)
    whole = weights_of(run).read_bytes()
    shutil.rmtree(run.output("train"))
    killing = threading.Thread(target=kill_after_a_checkpoint, args=(cluster.worker(1), run), daemon=True)
    killing.start()
    with pytest.raises(SubprocessKilledError, match="was lost"):
        steps.train(run, scheduler=cluster.scheduler, checkpoints_every=0)
    killing.join(PATIENCE)
    assert not run.output("train").exists()
    steps.train(run, scheduler=cluster.scheduler)
    assert weights_of(run).read_bytes() == whole


def test_several_workers_need_a_scheduler(taggers: Taggers, workspace: Workspace) -> None:
    config = config_of(taggers, workers=2)
    with pytest.raises(ConfigError, match="SEQTAG_DASK_SCHEDULER is not set"):
        steps.open_runs(config, workspace, as_of=date(2026, 1, 1))
    assert not workspace.home.root.exists()


def test_where_to_train_is_no_part_of_a_recipe(taggers: Taggers) -> None:
    """A champion that several workers trained is retrained, if at all, where this run trains."""
    module = sys.modules["seqtag.steps.retrain_champion"]
    here, on_workers = (config_of(taggers, workers=workers) for workers in (1, 2))
    assert module._recipe_digest(here) == module._recipe_digest(on_workers)
    champion = SimpleNamespace(version="1", config=on_workers.model_dump(mode="json"))
    assert module._champions_configuration(here, champion) == here


def config_of(taggers: Taggers, **train: Any) -> TaggerConfig:
    config = load_tagger(taggers.write())
    train = {"max_epochs": 2, **train}
    return config.model_copy(update={"train": config.train.model_copy(update=train)})


def encoded(config: TaggerConfig, workspace: Workspace, cluster: DaskCluster) -> RunDir:
    """Return a run that is ready to be trained."""
    workspace = replace(workspace, dask_scheduler=cluster.scheduler)
    run = steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=date(2026, 1, 1))
    for step in (steps.validate, steps.split, steps.index, steps.encode):
        step(run)
    return run


def weights_of(run: RunDir) -> Path:
    return run.output("train") / WEIGHTS


def kill_after_a_checkpoint(worker: psutil.Process, run: RunDir) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if list(run.checkpoints("").glob("*/[ab]/manifest.json")):
            worker.kill()
            return
        time.sleep(0.01)
