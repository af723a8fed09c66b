"""A file with [[further_tags]] on a real Prefect server: one flow run trains and promotes all its taggers."""

import pytest
from prefect.client.orchestration import get_client

from flows.retrain import retrain
from seqtag.steps import Workspace
from tests.taggers import Taggers

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("server")]

SEQUENCES = "".join(
    f'{{"tokens": ["go", "w{n}", "stop"], "tags": ["V", "N", "V"], "who": ["a", "a", "b"]}}\n'
    for n in range(120)
)


def test_one_flow_run_trains_and_promotes_all(workspace: Workspace, taggers: Taggers) -> None:
    (taggers.folder / "x.jsonl").write_text(SEQUENCES)
    tagger = taggers.folder / "pos.toml"
    tagger.write_text(
        'name = "pos"\n[[corpus.sources]]\nformat = "jsonl"\npath = "x.jsonl"\n'
        '[[further_tags]]\nname = "who"\ntag_column = "who"\n'
        "[train]\nmax_epochs = 1\nlearning_rate = 0.05\n"
    )
    state = retrain(str(tagger), return_state=True)
    assert state.name == "Promoted", state.message
    assert [line.partition(":")[0] for line in state.message.splitlines()] == ["pos", "who"]
    assert all(workspace.registry().champion(name).version == "1" for name in ("pos", "who"))
    run = state.result()
    with get_client(sync_client=True) as client:
        names = {task.name for task in client.read_task_runs()}
        artifacts = {artifact.key for artifact in client.read_latest_artifacts()}
    assert {f"train {run.tagger} {run.id}", f"promote {run.tagger} {run.id}"} <= names
    assert {"retrain-pos", "retrain-who", "scores-pos", "scores-who"} <= artifacts

    again = retrain(str(tagger), return_state=True)
    assert again.name == "Skipped", again.message
