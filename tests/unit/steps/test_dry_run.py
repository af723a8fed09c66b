"""Dry runs in a home with one finished retraining."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path

import pytest

from seqtag import code_version, module_source, steps
from seqtag.config import Settings, load_tagger
from seqtag.corpus import Profile
from seqtag.errors import ConfigError, CorpusRejectedError, OtherVersionError, RunDirError
from seqtag.pipeline import STEPS
from seqtag.steps import step
from tests.taggers import Taggers

OF_CHAMPION = {"champion's splits", "champion's sources"}  # with which a decision compares the corpus
NEW_COMPARISON = {
    "validate": {"champion's profile"},
    "index": {"champion's tags"},
    "retrain_champion": {"champion"},
    "evaluate": {"champion"},
    "decide": OF_CHAMPION,
}
SHARED_STEPS = ["ingest", *(step.name for step in STEPS if step.is_shared and step.name != "baseline")]
RUN_STEPS = [step.name for step in STEPS if not step.is_shared]
NEW_RUN = {**NEW_COMPARISON, **{name: set() for name in RUN_STEPS}}
ME = steps.AuditContext("me@host", "a test", datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture(scope="module")
def retrained(tmp_path_factory):
    """The folder of a tagger, and the workspace in which it was retrained."""
    folder = tmp_path_factory.mktemp("retrained")
    config = load_tagger(Taggers(folder).write())
    workspace = steps.Workspace.of(Settings(home=folder / "home"))
    run = steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=date(2026, 1, 1))
    for name in SHARED_STEPS[1:]:
        getattr(steps, name)(run)
    steps.register(run, workspace)
    steps.smoke_test(run, workspace)
    steps.promote(run, workspace, by=ME)
    steps.report(run)
    return folder, workspace


def explained(retrained, **written):
    """Explain each step for the tagger with changed settings."""
    folder, workspace = retrained
    return steps.explain(load_tagger(Taggers(folder).write(**written)), workspace)


def rerun_reasons(explanations):
    """Changed inputs of the steps that would run."""
    return {step.step: set(step.changed) for step in explanations.steps if step.would_run}


def test_nothing_runs_if_nothing_changed(retrained):
    explanations = explained(retrained)
    assert [step.step for step in explanations.steps] == SHARED_STEPS + RUN_STEPS
    assert rerun_reasons(explanations) == {}
    lines = steps.dry_run_text(explanations).splitlines()
    assert lines[0] == f"unchanged        {', '.join(SHARED_STEPS + RUN_STEPS)}"
    assert lines[-1] == "Outlook: nothing would change: version 1 was promoted on 2026-01-01 00:00 UTC."


def test_a_change_reruns_the_steps_that_read_it(retrained):
    """A new run is compared with the model of the first run, which is the champion by now."""
    new_gate = explained(retrained, floor=0.06)
    new_quality = explained(retrained, more="[quality]\nmin_tag_support = 1\n")
    assert rerun_reasons(new_gate) == {**NEW_RUN, "decide": {"gate.floor", *OF_CHAMPION}}
    assert rerun_reasons(new_quality) == {
        **NEW_RUN,
        "validate": {"quality.min_tag_support", "champion's profile"},
    }
    assert rerun_reasons(explained(retrained, seed=2)) == {
        **NEW_RUN,
        "train": {"seed"},
        "decide": {"seed", *OF_CHAMPION},
    }


def test_a_new_expectation_reruns_validation(retrained):
    expectation = (
        "[quality.expectations.small]\ntable = 'sequences'\nkwargs.max_value = 5\n"
        "type = 'expect_table_row_count_to_be_between'\n"
    )
    assert rerun_reasons(explained(retrained, more=expectation))["validate"] == {
        "champion's profile",
        "quality.expectations",
        *(f"quality.expectations.small.{key}" for key in ("table", "type", "severity", "kwargs.max_value")),
    }


def test_steps_after_a_rerun_step_may_change(retrained):
    lines = steps.dry_run_text(explained(retrained, more="[quality]\nmin_tag_support = 1\n")).splitlines()
    assert lines[1] == (
        "validate         would run: champion's profile changed, quality.min_tag_support 10 -> 1"
    )
    assert lines[2].startswith("unchanged        if validate writes the same output: split")
    assert lines[-1] == "Outlook: the decision is not known before validate has run."


def test_a_changed_setting_is_shown_with_both_values(retrained):
    text = steps.dry_run_text(explained(retrained, more="[model]\noutput = 'crf'\n"))
    assert 'train            would run: model.output "auto" -> "crf"\n' in text
    assert "evaluate         would run: champion none -> version 1\n" in text


def test_a_changed_source_file_is_named(retrained, monkeypatch, tmp_path):
    """The code is read from a copy of the package, in which one constant is changed."""
    shutil.copytree(Path(code_version.__file__).parent, tmp_path / "seqtag")
    monkeypatch.setattr(module_source, "__file__", str(tmp_path / "seqtag" / "module_source.py"))
    heads = tmp_path / "seqtag" / "neural" / "heads.py"
    heads.write_text(heads.read_text() + "\n_UNUSED = 1\nif _UNUSED:\n    pass\n")
    code_version.uncached_code_version("seqtag.steps.train", "train")
    try:
        text = steps.dry_run_text(explained(retrained))
    finally:
        monkeypatch.undo()
        code_version.uncached_code_version("seqtag.steps.train", "train")
    assert "train            would run: seqtag/neural/heads.py changed\n" in text
    assert "\nunchanged        if index writes the same output: encode\ntrain " in text


def test_a_changed_file_of_the_corpus_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("train.conll").write_text("a O\n\nb O\n")
    Path("ner.toml").write_text('name = "ner"\n[[corpus.sources]]\nformat = "conll"\npath = "train.conll"\n')
    config, workspace = load_tagger("ner.toml"), steps.Workspace.of(Settings(home=tmp_path / "home"))
    steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=date(2026, 1, 1))
    Path("train.conll").write_text("a O\n\nc O\n")
    first, second = steps.dry_run_text(steps.explain(config, workspace)).splitlines()[:2]
    assert first == "ingest           would run: train.conll changed"
    assert second == "validate         would run: it has no output yet"


def everything_in(folder):
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def test_a_dry_run_writes_nothing(retrained):
    folder, _ = retrained
    before = everything_in(folder / "home")
    explained(retrained, seed=3)
    assert everything_in(folder / "home") == before


def test_a_killed_dry_run_leaves_nothing(retrained, monkeypatch):
    folder, _ = retrained
    path, before = Taggers(folder).write(), everything_in(folder / "home")
    code = f"""
        import os, signal
        from seqtag import steps
        from seqtag.config import Settings, load_tagger
        from seqtag.steps import dry_run
        dry_run.smoke_test = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
        steps.explain(load_tagger({path!r}), steps.Workspace.of(Settings(home={str(folder / "home")!r})))
    """
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert everything_in(folder / "home") == before


def test_a_dry_run_keeps_the_checkpoints_of_an_interrupted_training(retrained, monkeypatch):
    removed = []
    monkeypatch.setattr(sys.modules["seqtag.steps.train"], "remove_folder", removed.append)
    assert rerun_reasons(explained(retrained, seed=2))["train"] == {"seed"}
    assert removed == []


def test_a_changed_package_version_is_a_reason(retrained, monkeypatch):
    real = step.code_version

    def with_another_tensorflow(module, step):
        found = real(module, step)
        newer = {name: "99.0" if name == "tensorflow" else number for name, number in found.packages.items()}
        return type(found)(found.code, newer, found.definitions)

    monkeypatch.setattr(step, "code_version", with_another_tensorflow)
    explanations = explained(retrained)
    newer = {"package tensorflow"}
    assert rerun_reasons(explanations) == {
        **NEW_RUN,
        "train": newer,
        "retrain_champion": {"champion"} | newer,
        "evaluate": {"champion"} | newer,
        "decide": OF_CHAMPION | newer,  # its key contains the requirements of the serving code
    }
    now = version("tensorflow")
    assert f"train            would run: tensorflow {now} -> 99.0\n" in steps.dry_run_text(explanations)


def test_a_tagger_without_runs_would_read_its_sources(tmp_path):
    workspace = steps.Workspace.of(Settings(home=tmp_path / "home"))
    explanations = steps.explain(load_tagger(Taggers(tmp_path).write()), workspace)
    assert rerun_reasons(explanations) == {"ingest": set()}


def test_changed_sources_are_a_reason_and_later_steps_use_the_newest_snapshot(retrained):
    folder, workspace = retrained
    path = folder / "small.toml"
    Taggers(folder).write()
    path.write_text(path.read_text().replace("n_sequences = 200", "n_sequences = 201"))
    explanations = steps.explain(load_tagger(path), workspace)
    size = "corpus.sources[0].n_sequences"
    assert rerun_reasons(explanations) == {
        **NEW_RUN,
        "ingest": {size},
        "validate": {size, "champion's profile"},
    }
    assert [step.step for step in explanations.steps] == SHARED_STEPS + RUN_STEPS
    text = steps.dry_run_text(explanations)
    assert text.startswith("ingest           would run: corpus.sources[0].n_sequences 200 -> 201\n")
    assert text.endswith("\nOutlook: the decision is not known before ingest has run.")


def test_an_output_of_another_version_ends_the_plan_where_it_would_be_read(retrained, monkeypatch):
    monkeypatch.setattr(Profile, "FORMAT", "profile/9")
    explanations = explained(retrained, more="[quality]\nmin_tag_support = 1\n")
    assert [step.step for step in explanations.steps] == ["ingest", "validate"]
    with pytest.raises(OtherVersionError, match=r"profile\.json: another version of seqtag wrote it"):
        explained(retrained, seed=1)


def test_a_forced_step_reruns_once_and_later_steps_only_if_its_output_differs(retrained):
    folder, workspace = retrained
    config = load_tagger(Taggers(folder).write())
    run = steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=date(2026, 1, 2))
    steps.force(run, ["split"], by="me")
    assert (steps.split(run).reused, steps.index(run).reused) == (False, True)
    assert steps.split(run).reused
    run.forced.unlink()


def test_a_step_that_was_already_forced_is_not_forced_again(retrained):
    folder, workspace = retrained
    config = load_tagger(Taggers(folder).write())
    run = steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=date(2026, 1, 2))
    steps.force(run, ["split"], by="somebody")
    steps.split(run)
    assert rerun_reasons(explained(retrained)) == {}
    run.forced.unlink()
    steps.split(run)


def test_a_corrected_setting_is_used_after_a_rejected_run(retrained):
    folder, workspace = retrained
    refused = load_tagger(Taggers(folder).write(more="[quality]\nmin_sequences = 100000\n"))
    run = steps.open_run(refused, steps.ingest(refused, workspace), workspace, as_of=date(2027, 1, 1))
    with pytest.raises(CorpusRejectedError):
        steps.validate(run)
    assert rerun_reasons(explained(retrained)) == {}
    corrected = explained(retrained, more="[quality]\nmin_sequences = 5\n")
    assert rerun_reasons(corrected) == {"validate": {"quality.min_sequences"}}  # later steps are unknown
    shutil.rmtree(run.path)


def test_a_run_that_lost_part_of_its_summary_is_unfinished(retrained):
    folder, workspace = retrained
    config = load_tagger(Taggers(folder).write())
    run = steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=date(2026, 1, 2))
    standing = steps.outcome_digest(run, workspace)
    assert standing is not None
    shutil.rmtree(run.output("decide"))
    assert steps.outcome_digest(run, workspace) is None
    steps.decide(run)
    assert steps.outcome_digest(run, workspace) == standing


def test_a_damaged_record_of_sources_is_read_anew(retrained):
    folder, workspace = retrained
    config = load_tagger(Taggers(folder).write())
    snapshot = steps.ingest(config, workspace)
    (memory,) = workspace.home.sources("small").iterdir()
    memory.write_text("")
    assert steps.ingest(config, workspace) == snapshot
    assert memory.read_text()


def test_a_step_whose_code_changes_while_it_runs_publishes_nothing(retrained, monkeypatch):
    folder, workspace = retrained
    config = load_tagger(Taggers(folder).write(seed=7))
    run = steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=date(2026, 1, 3))
    real = step.uncached_code_version
    monkeypatch.setattr(step, "uncached_code_version", lambda *names: replace(real(*names), code="other"))
    steps.force(run, ["validate"], by="me")
    with pytest.raises(RunDirError, match="validate: code changed while the step ran"):
        steps.validate(run)
    assert not run.output("validate").exists()
    shutil.rmtree(run.path)


def test_explain_prints_unchanged_steps_on_one_line(retrained):
    folder, workspace = retrained
    path = Taggers(folder).write()
    command = [sys.executable, "-c", "from seqtag.cli.main import main; main()", "explain", path]
    environment = os.environ | {"SEQTAG_HOME": str(workspace.home.root)}
    completed = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    line, outlook = completed.stdout.split("\n\n")
    assert line == f"unchanged        {', '.join(SHARED_STEPS + RUN_STEPS)}"
    assert outlook == "Outlook: nothing would change: version 1 was promoted on 2026-01-01 00:00 UTC.\n"
    assert completed.stderr == ""


def test_an_unknown_step_is_refused_before_anything_is_read(tmp_path):
    from seqtag.cli.step_commands import retrain

    with pytest.raises(
        ConfigError, match=r"force: no step is called trian; expected one of validate, .*train"
    ):
        retrain(tmp_path / "there is no such tagger.toml", ["trian"])


@pytest.mark.parametrize(("old", "new"), [("anchor", "retrain_champion"), ("infra_validate", "smoke_test")])
def test_the_new_name_of_a_renamed_step_is_given(old, new, tmp_path):
    from seqtag.cli.step_commands import retrain

    with pytest.raises(ConfigError, match=rf"no step is called {old}; .*; {old} is now {new}$"):
        retrain(tmp_path / "there is no such tagger.toml", [old])
