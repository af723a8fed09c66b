"""Cards and tables of the dashboard, for a tagger that was retrained twice."""

from __future__ import annotations

import json
import shutil
from datetime import date

import pytest

from seqtag import steps
from seqtag.artifacts import read_json, write_json
from seqtag.cli.inspection import show
from seqtag.config import Settings, load_tagger
from seqtag.errors import CorpusRejectedError
from seqtag.gate import Decision
from seqtag.pipeline import OLDER_FOLDERS
from seqtag.run_dir import RunDir
from seqtag.steps import dashboard
from seqtag.steps.approval import require_approval
from seqtag.steps.decide import earlier_scores
from seqtag.steps.promote import PromotionOutcome
from tests.taggers import ME, Taggers, retrain

STATUS_OF_TIE = "A tie on all 18 documents keeps the champion."
ODD = "my taggers/$(x).toml"  # a path that needs quoting in a shell


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory):
    """A workspace, the run of a first champion, and the run of a challenger with another gate."""
    folder = tmp_path_factory.mktemp("two_runs")
    workspace = steps.Workspace.of(Settings(home=folder / "home"))
    first = retrain(Taggers(folder).write(), workspace)
    return workspace, first, retrain(Taggers(folder).write(floor=0.06), workspace, day=2)


def test_the_corpus_card_links_to_the_data_docs_where_they_are_served(two_runs):
    _, first, _ = two_runs

    assert steps.corpus_card(first).startswith("# Accepted\n")
    served = f"http://127.0.0.1:1/runs/small/{first.id}/validate/data_docs/index.html"
    assert f"[Data docs](<{served}>)" in steps.corpus_card(first, pages="http://127.0.0.1:1")


def test_a_clean_corpus_has_an_empty_quarantine_table(two_runs):
    assert steps.quarantine_card(two_runs[1]) == "No sequence is in quarantine."


def test_the_scores_of_a_first_model_have_no_champion(two_runs):
    _, first, second = two_runs

    rows = [
        [row for row in steps.score_card(run).splitlines() if row.startswith("| F1 of")]
        for run in (first, second)
    ]
    assert {row.endswith(" | – |") for row in rows[0]} == {True}  # noqa: RUF001
    assert {row.endswith(" | – |") for row in rows[1]} == {False}  # noqa: RUF001


def test_a_reused_step_names_the_run_that_made_it(two_runs):
    _, first, second = two_runs
    taken = {of.step: of.taken_from for of in dashboard.completed_steps(second)}

    assert {of.taken_from for of in dashboard.completed_steps(first)} == {None}
    assert taken["train"] == taken["encode"] == first.id
    assert taken["decide"] is None


def test_the_order_of_run_ids_within_a_day_does_not_matter(two_runs):
    """Both runs are of one day; the id of the second sorts first."""
    _, first, second = two_runs
    same_day = RunDir(second.path.with_name(f"{first.as_of}-00000000-00000000"))
    shutil.copytree(second.path, same_day.path)

    try:
        assert {of.taken_from for of in dashboard.completed_steps(first)} == {None}
        assert {of.step: of.taken_from for of in dashboard.completed_steps(same_day)}["train"] == first.id
    finally:
        shutil.rmtree(same_day.path)


def test_the_card_lists_changes_since_the_champions_run(two_runs):
    _, first, second = two_runs
    changes = dashboard.input_changes(second)

    assert dashboard.input_changes(first) is None
    assert changes.champion_run == first.id
    assert changes.snapshots[0] == changes.snapshots[1]
    assert changes.settings == {"gate.floor": ("0.05", "0.06")}
    assert changes.inputs["train"] == []
    assert "champion" in changes.inputs["evaluate"]


def test_a_dry_run_decides_if_only_the_gate_has_changed(two_runs):
    workspace, *_ = two_runs
    tagger = Taggers(workspace.home.root.parent).write(floor=0.07)
    lines = steps.dry_run_text(steps.explain(load_tagger(tagger), workspace)).splitlines()
    assert lines[1] == "decide           would run: gate.floor 0.06 -> 0.07"
    assert lines[-1] == f"Outlook: HOLD: {STATUS_OF_TIE[0].lower()}{STATUS_OF_TIE[1:]}"


def test_a_tie_names_the_command_that_promotes_anyway(two_runs):
    _, _, second = two_runs
    commands = list(dashboard.commands(second, tagger=ODD).values())

    assert f"seqtag show {second.id}" in commands
    assert "seqtag retrain 'my taggers/$(x).toml' --force train" in commands
    assert "seqtag rollback small --to 2 --reason TEXT" in commands
    assert not any("unblock" in command for command in commands)


def test_a_first_champion_has_no_rollback_command(two_runs):
    commands = list(dashboard.commands(two_runs[1], tagger=ODD).values())

    assert not any("rollback" in command for command in commands)


def test_a_blocked_promotion_names_the_command_that_unblocks_it(two_runs, tmp_path):
    run = RunDir(tmp_path / "small" / two_runs[2].id)
    shutil.copytree(two_runs[2].path, run.path)
    write_json(run.decision, read_json(run.decision) | {"verdict": "PROMOTE"})

    assert "seqtag unblock small --reason TEXT" in dashboard.commands(run, tagger=ODD).values()


def test_an_expired_approval_names_the_command_that_reopens_it(two_runs, tmp_path):
    run = RunDir(tmp_path / "small" / two_runs[2].id)
    shutil.copytree(two_runs[2].path, run.path)
    write_json(run.decision, read_json(run.decision) | {"verdict": "PROMOTE"})
    require_approval(run, required=True)
    commands = dashboard.commands(run, tagger=ODD).values()

    again = "python -m flows.stack prefect deployment run retrain/small --param 'force=[\"promote\"]'"
    assert again in commands
    assert not any("unblock" in command for command in commands)


def test_the_retrain_card_has_all_its_parts(two_runs):
    workspace, first, second = two_runs
    text = steps.retrain_card(second, steps.run_outcome(second, workspace), tagger=ODD)

    assert text.startswith("# HOLD\n\nA tie on all 18 documents keeps the champion.\n\n**Warning:** Only ")
    assert "\n\n**Warning:** The dev score was best in the last of 1 epoch allowed: raise train.max" in text
    subject, body = steps.outcome_notice(second, pages=None)
    assert subject == "small: HOLD"
    assert body.startswith("A tie on all 18 documents keeps the champion.\nWarning: Only ")
    assert "\nchampion (version 1): " in body
    assert f"reused from {first.id}" in text
    assert "| gate.floor | 0.05 | 0.06 |" in text
    assert "### Corpus since the run of version 1\n\nThe sequences and their tags are the same in" in text
    assert "There is no champion to compare with." in steps.retrain_card(
        first, steps.run_outcome(first, workspace), tagger=ODD
    )


def test_the_promote_command_on_the_card_promotes_a_held_version(two_runs):
    """The command on the card promotes, and the command on the next card rolls back.

    The first blocks models like version 1, which a dry run names.
    """
    workspace, *_ = two_runs
    steps.rollback("small", workspace, to="2", reason="why not", everything=False, by=ME)
    assert workspace.registry().champion("small").version == "2"
    tagger = Taggers(workspace.home.root.parent).write()
    text = steps.dry_run_text(steps.explain(load_tagger(tagger), workspace))
    blocked = "me@host rolled version 1 back on 2026-01-01 (why not), which blocks models like it"
    assert f"\npromote          would run: {blocked}\n" in text
    assert text.endswith(
        f"\nOutlook: the decision is not known before validate has run. If it is to promote, {blocked}."
    )
    assert "\nunchanged        if decide writes the same output: register" in text
    steps.rollback("small", workspace, to="1", reason="why not", everything=False, by=ME)
    assert workspace.registry().champion("small").version == "1"


def test_quarantined_sequences_are_escaped_and_located(tmp_path):
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

    *_, short, empty = steps.quarantine_card(run).splitlines()
    assert short.startswith("| 40 | ")
    assert short.endswith(
        " | length\\_mismatch | 2 tokens, 1 tags | 2 | \\[x\\](http\\://evil) &lt;img src=x&gt; b |"
    )
    assert " | token 2 is (empty) | " in empty
    assert steps.corpus_card(run).startswith("# Refused\n")


def test_show_names_the_report_if_another_version_wrote_the_outcome(two_runs, monkeypatch, capsys):
    workspace, _, second = two_runs
    monkeypatch.setenv("SEQTAG_HOME", str(workspace.home.root))
    monkeypatch.setattr(PromotionOutcome, "FORMAT", "promotion/9")
    show(second.id)
    shown = capsys.readouterr().out
    assert "  promote " in shown
    assert "promotion.json: another version of seqtag wrote it: format is 'promotion/1'" in shown
    assert f"The report has it: {second.report}" in shown


def test_an_earlier_run_whose_model_was_deleted_is_left_out_of_the_noise(two_runs, tmp_path):
    _, first, second = two_runs
    shutil.copytree(first.path.parent, tmp_path / "small")
    shutil.rmtree(tmp_path / "small" / first.id / "train")
    assert earlier_scores(RunDir(tmp_path / "small" / second.id)) == []


def test_runs_of_an_earlier_version_are_read(two_runs, tmp_path):
    """Their folders and a field of the decision have other names."""
    _, first, second = two_runs
    shutil.copytree(first.path.parent, tmp_path / "small")
    older = RunDir(tmp_path / "small" / second.id)
    for step, folder in OLDER_FOLDERS.items():
        for path in older.path.parent.glob(f"*/{step}"):
            path.rename(path.with_name(folder))
    content = read_json(older.decision)
    content["is_anchored"] = content.pop("is_champion_retrained")
    write_json(older.decision, content)

    assert (older.bundle.parent.name, older.decision.parent.name) == ("model", "decision")
    assert Decision.load(older.decision) == Decision.load(second.decision)
    assert dashboard.input_changes(older) == dashboard.input_changes(second)
    assert [done.step for done in dashboard.completed_steps(older)] == [
        done.step for done in dashboard.completed_steps(second)
    ]
