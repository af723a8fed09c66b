"""What the dashboard shows, of a home in which a tagger was retrained twice."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, date, datetime

import pytest

from seqtag import steps
from seqtag.artifacts import read_json, write_json
from seqtag.config import Settings, load_tagger
from seqtag.errors import CorpusRejectedError
from seqtag.run_dir import RunDir
from seqtag.steps import dashboard
from seqtag.steps.approval import require_approval
from tests.taggers import Taggers

ME = steps.AuditContext("me@host", "a test", datetime(2026, 1, 1, tzinfo=UTC))
VERBS = ("validate", "split", "index", "encode", "train", "anchor", "evaluate", "decide")
ODD = "my taggers/$(x).toml"  # a path that a shell would not take as it is


def retrained(folder, workspace, *, day, **written):
    config = load_tagger(Taggers(folder).write(**written))
    run = steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=date(2026, 1, day))
    for verb in VERBS:
        getattr(steps, verb)(run)
    steps.register(run, workspace)
    steps.infra_validate(run, workspace)
    steps.promote(run, workspace, by=ME)
    return run


@pytest.fixture(scope="module")
def nights(tmp_path_factory):
    """Return a place, the run of a first champion, and that of a challenger with another gate."""
    folder = tmp_path_factory.mktemp("nights")
    workspace = steps.Workspace.of(Settings(home=folder / "home"))
    first = retrained(folder, workspace, day=1)
    return workspace, first, retrained(folder, workspace, day=2, floor=0.06)


def test_the_corpus_card_links_to_the_data_docs_where_they_are_served(nights):
    _, first, _ = nights

    assert steps.corpus_card(first).startswith("# Accepted\n")
    served = f"http://127.0.0.1:1/runs/small/{first.id}/validation/data_docs/index.html"
    assert f"[Data docs](<{served}>)" in steps.corpus_card(first, pages="http://127.0.0.1:1")


def test_of_a_sound_corpus_nothing_is_quarantined(nights):
    assert steps.quarantine_table(nights[1]) == []


def test_the_scores_of_a_first_model_have_no_champion(nights):
    _, first, second = nights

    assert {row["champion"] for row in steps.score_table(first)} == {"–"}  # noqa: RUF001
    assert "–" not in {row["champion"] for row in steps.score_table(second)}  # noqa: RUF001


def test_a_step_that_was_taken_over_says_from_which_run(nights):
    _, first, second = nights
    taken = {of.step: of.taken_from for of in dashboard.completed_steps(second)}

    assert {of.taken_from for of in dashboard.completed_steps(first)} == {None}
    assert taken["train"] == taken["encode"] == first.id
    assert taken["decide"] is None


def test_what_runs_share_does_not_depend_on_which_of_a_day_is_named_first(nights):
    """Both began on one day; the second one's name comes first in the alphabet."""
    _, first, second = nights
    same_day = RunDir(second.path.with_name(f"{first.as_of}-00000000-00000000"))
    shutil.copytree(second.path, same_day.path)

    try:
        assert {of.taken_from for of in dashboard.completed_steps(first)} == {None}
        assert {of.step: of.taken_from for of in dashboard.completed_steps(same_day)}["train"] == first.id
    finally:
        shutil.rmtree(same_day.path)


def test_what_changed_is_told_against_the_champions_run(nights):
    _, first, second = nights
    changes = dashboard.input_changes(second)

    assert dashboard.input_changes(first) is None
    assert changes.champion_run == first.id
    assert changes.snapshots[0] == changes.snapshots[1]
    assert changes.settings == {"gate.floor": ("0.05", "0.06")}
    assert changes.inputs["train"] == []
    assert "opponent" in changes.inputs["evaluate"]


def test_a_tie_says_how_the_model_may_serve_all_the_same(nights):
    _, _, second = nights
    commands = list(dashboard.commands(second, tagger=ODD).values())

    assert f"seqtag show {second.id}" in commands
    assert "seqtag retrain 'my taggers/$(x).toml' --force train" in commands
    assert "seqtag rollback small --to 2 --reason TEXT" in commands
    assert not any("release-hold" in command for command in commands)


def test_there_is_nothing_to_go_back_to_from_a_first_champion(nights):
    commands = list(dashboard.commands(nights[1], tagger=ODD).values())

    assert not any("rollback" in command for command in commands)


def test_a_promotion_that_a_hold_forbids_says_how_the_hold_is_lifted(nights, tmp_path):
    run = RunDir(tmp_path / "small" / nights[2].id)
    shutil.copytree(nights[2].path, run.path)
    write_json(run.decision, read_json(run.decision) | {"verdict": "PROMOTE"})

    assert "seqtag release-hold small --reason TEXT" in dashboard.commands(run, tagger=ODD).values()


def test_a_promotion_that_nobody_approved_says_how_to_be_asked_again(nights, tmp_path):
    run = RunDir(tmp_path / "small" / nights[2].id)
    shutil.copytree(nights[2].path, run.path)
    write_json(run.decision, read_json(run.decision) | {"verdict": "PROMOTE"})
    require_approval(run, required=True)
    commands = dashboard.commands(run, tagger=ODD).values()

    again = "python -m flows.stack prefect deployment run retrain/small --param 'force=[\"promote\"]'"
    assert again in commands
    assert not any("release-hold" in command for command in commands)


def test_the_retrain_card_is_whole(nights):
    _, first, second = nights
    text = steps.retrain_card(second, tagger=ODD)

    assert text.startswith("# HOLD\n")
    assert f"reused from {first.id}" in text
    assert "| gate.floor | 0.05 | 0.06 |" in text
    assert "There is no champion to compare with." in steps.retrain_card(first, tagger=ODD)


def test_a_version_that_was_held_can_be_let_serve_as_the_card_says(nights):
    """What the card offers is done, and what the next card offers brings the champion back."""
    workspace, *_ = nights
    for version in ("2", "1"):
        steps.rollback("small", workspace, to=version, reason="why not", everything=False, by=ME)
        assert workspace.registry().champion("small").version == version


def test_refused_sequences_are_told_as_text_with_their_place(tmp_path):
    evil = "[x](http://evil) <img src=x>"
    lines = [{"tokens": ["a", "b"], "tags": ["O", "B-X"]} for _ in range(40)]
    lines += [{"tokens": [evil, "b"], "tags": ["O"]}, {"tokens": ["c", ""], "tags": ["O", "O"]}]
    (tmp_path / "corpus.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    toml = f'[[corpus.sources]]\nformat = "jsonl"\npath = "{tmp_path}/corpus.jsonl"\n'
    (tmp_path / "spans.toml").write_text('name = "spans"\n' + toml)
    config, workspace = (
        load_tagger(tmp_path / "spans.toml"),
        steps.Workspace.of(Settings(home=tmp_path / "home")),
    )
    run = steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=date(2026, 1, 1))
    with pytest.raises(CorpusRejectedError):
        steps.validate(run)

    short, empty = steps.quarantine_table(run)
    assert (short["row"], short["refused by"], short["tokens"]) == (40, "length\\_mismatch", 2)
    assert short["what is wrong"] == "2 tokens, 1 tags"
    assert short["begins"] == "\\[x\\](http\\://evil) &lt;img src=x&gt; b"
    assert empty["what is wrong"] == "token 2 is (empty)"
    assert steps.corpus_card(run).startswith("# Refused\n")
