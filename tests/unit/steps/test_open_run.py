"""Opening a run directory again, with damaged records in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from seqtag import steps
from seqtag.config import Settings, load_tagger
from seqtag.errors import RunDirError
from seqtag.run_dir import RunDir
from seqtag.steps.run_inputs import EarlierRuns, PinnedOpponent
from tests.taggers import Taggers

OpenRun = Callable[[], RunDir]


@pytest.fixture(scope="module")
def open_run(tmp_path_factory: pytest.TempPathFactory) -> OpenRun:
    """Return a function that opens the same run at each call."""
    folder = tmp_path_factory.mktemp("open_run")
    workspace = steps.Workspace.of(Settings(home=folder / "home"))
    config = load_tagger(Taggers(folder).write())
    snapshot = steps.ingest(config, workspace)
    return lambda: steps.open_run(config, snapshot, workspace, as_of=date(2026, 1, 1))


@pytest.mark.parametrize("content", ["{", "[]", '{"champion": 3}', '{"format": "opponent/0"}'])
def test_a_damaged_opponent_is_written_again(open_run: OpenRun, content: str) -> None:
    run = open_run()
    run.opponent.write_text(content)

    assert open_run().path == run.path
    assert PinnedOpponent.load(run.opponent) == PinnedOpponent(None)


def test_an_opponent_that_cannot_be_read_now_is_an_error(
    open_run: OpenRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run()
    read_text = Path.read_text

    def fail(path: Path, *arguments: str) -> str:
        if path == run.opponent:
            raise OSError(5, "Input/output error")
        return read_text(path, *arguments)

    monkeypatch.setattr(Path, "read_text", fail)
    with pytest.raises(RunDirError, match="Input/output error"):
        open_run()


def test_a_damaged_approval_is_an_error_that_says_what_to_do(open_run: OpenRun) -> None:
    run = open_run()
    run.approval.write_text("{}")
    with pytest.raises(RunDirError, match=r"approval\.json: .*remove the file if that does not help"):
        open_run()
    run.approval.unlink()

    assert open_run().path == run.path


@pytest.mark.parametrize("spent", ["NaN", "Infinity", "-5.0"])
def test_a_budget_that_is_no_sum_of_error_levels_is_refused(open_run: OpenRun, spent: str) -> None:
    run = open_run()
    text = run.earlier.read_text()
    run.earlier.write_text(text.replace('"spent": 0', f'"spent": {spent}'))
    assert run.earlier.read_text() != text
    with pytest.raises(RunDirError, match=r"earlier\.json"):
        EarlierRuns.load(run.earlier)
    run.earlier.unlink()
