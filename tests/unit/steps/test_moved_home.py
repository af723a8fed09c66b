"""A home folder that was moved between two retrainings."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqtag import steps
from seqtag.artifacts import read_json
from seqtag.config import Settings, load_tagger
from seqtag.registry import Entry
from tests.registry_decisions import promote
from tests.taggers import ME, Taggers, retrain

CHECKOUT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, steps.Workspace]:
    """Home with a champion that was moved: its old path, a tagger's file, and its workspace."""
    folder = tmp_path_factory.mktemp("moved")
    tagger, old = Path(Taggers(folder).write()), folder / "home"
    retrain(tagger, steps.Workspace.of(Settings(home=old)))
    new = folder / "mounted" / "elsewhere"
    new.parent.mkdir()
    old.rename(new)
    return old, tagger, steps.Workspace.of(Settings(home=new))


def test_no_file_of_a_home_contains_its_path(moved: tuple[Path, Path, steps.Workspace]) -> None:
    old, _, workspace = moved
    files = [file for file in workspace.home.root.rglob("*") if file.is_file()]
    paths = (str(old).encode(), str(CHECKOUT).encode())
    assert [file for file in files if any(path in file.read_bytes() for path in paths)] == []
    (entry,) = workspace.registry().history("small")
    assert (workspace.home.root / entry.report).is_file()


def test_every_step_of_a_moved_home_is_up_to_date(moved: tuple[Path, Path, steps.Workspace]) -> None:
    _, tagger, workspace = moved
    planned = steps.explain(load_tagger(tagger), workspace)
    assert [step.step for step in planned.steps if step.would_run] == []


def test_the_next_retraining_is_compared_with_the_champion_and_can_be_rolled_back(
    moved: tuple[Path, Path, steps.Workspace],
) -> None:
    old, tagger, workspace = moved
    tagger.write_text(tagger.read_text().replace("seed = 1", "seed = 2"))
    run = retrain(tagger, workspace)
    assert read_json(run.metrics)["champion_version"] == "1"
    assert read_json(run.metrics)["champion_error"] is None
    registry = workspace.registry()
    if registry.champion("small").version == "1":  # the gate may have held it
        promote(registry, "small", "2", expected_champion="1")
    entry: Entry = steps.rollback("small", workspace, to=None, reason="try it", everything=False, by=ME)
    assert (entry.event, entry.from_version, entry.to_version) == ("ROLLBACK", "2", "1")
    assert registry.champion("small").bundle.is_relative_to(workspace.home.root)
    assert not old.exists()
