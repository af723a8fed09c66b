"""Bulk tagging on a real Prefect server, with a champion that was really trained."""

import sys
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

from flows.tag import tag
from seqtag.corpus import snapshot
from seqtag.steps import Workspace
from tests.taggers import Taggers, retrain

pytestmark = pytest.mark.usefixtures("server")

SOURCE = '\n[[tagging.sources]]\nformat = "sample"\nn_sequences = 100\nseed = 8\n'


def test_sequences_are_tagged_once_by_mapped_tasks(
    workspace: Workspace, taggers: Taggers, monkeypatch: pytest.MonkeyPatch
) -> None:
    tagger = taggers.write(more=SOURCE)
    retrain(tagger, workspace)
    monkeypatch.setattr(snapshot, "CHUNK_SEQUENCES", 30)
    monkeypatch.setattr(snapshot, "PART_CHUNKS", 1)
    monkeypatch.setattr(sys.modules["seqtag.steps.tag_parts"], "PARTS_PER_SUBPROCESS", 2)

    state = tag(tagger, as_of=date(2026, 2, 1), return_state=True)
    assert state.name == "Tagged", state.message
    assert state.message.startswith("100 sequences (")
    assert len(pq.read_table(state.result().sequences)) == 100
    with get_client(sync_client=True) as client:
        names = {task.name for task in client.read_task_runs()}
        (card,) = client.read_artifacts(
            artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=["tagging-small"]))
        )
    assert {"tag small part-00000 and on", "tag small part-00002 and on"} <= names
    assert "Tagged by version 1" in str(card.data)

    again = tag(tagger, as_of=date(2026, 2, 2), return_state=True)
    assert (again.name, again.result()) == ("Skipped", state.result())


def test_a_tagger_without_a_champion_tags_nothing(workspace: Workspace, taggers: Taggers) -> None:
    state = tag(taggers.write(more=SOURCE), return_state=True)
    assert state.name == "ConfigurationError"
    assert "no champion of 'small'" in state.message
    assert not Path(workspace.home.tagged("small")).exists()
