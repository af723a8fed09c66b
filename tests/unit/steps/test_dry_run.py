"""What a retraining would do is asked of a home in which a first one was finished."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from seqtag import steps
from seqtag.config import Settings, load_tagger
from seqtag.errors import ConfigError, CorpusRejectedError, RunDirError
from seqtag.steps import step
from tests.taggers import Taggers

JUDGED_ANEW = {
    "validate": {"previous"},
    "index": {"previous tags"},
    "anchor": {"opponent"},
    "evaluate": {"opponent"},
}
VERBS = ["ingest", "validate", "split", "index", "encode", "train", "anchor", "evaluate", "decide"]
OF_ONE_RUN = ["register", "infra_validate", "promote", "report"]
BEGUN_ANEW = {**JUDGED_ANEW, **{verb: set() for verb in OF_ONE_RUN}}
ME = steps.AuditContext("me@host", "a test", datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """Return the folder of a tagger, and the place in which it was retrained."""
    folder = tmp_path_factory.mktemp("night")
    config = load_tagger(Taggers(folder).write())
    workspace = steps.Workspace.of(Settings(home=folder / "home"))
    run = steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=date(2026, 1, 1))
    for verb in VERBS[1:]:
        getattr(steps, verb)(run)
    steps.register(run, workspace)
    steps.infra_validate(run, workspace)
    steps.promote(run, workspace, by=ME)
    steps.report(run)
    return folder, workspace


def asked(night, **written):
    """Return what each verb would do with the tagger written anew."""
    folder, workspace = night
    return steps.explain(load_tagger(Taggers(folder).write(**written)), workspace)


def running(answers):
    return {answer.step: set(answer.changed) for answer in answers if answer.would_run}


def test_with_nothing_new_all_stands(night):
    answers = asked(night)
    assert [answer.step for answer in answers] == VERBS + OF_ONE_RUN
    assert running(answers) == {}
    assert steps.dry_run_text(answers).splitlines()[5] == "train          unchanged"


def test_a_change_runs_what_it_is_an_input_of(night):
    """A new run is judged against the first one's model, which is the champion by now."""
    of_gate, of_quality = asked(night, floor=0.06), asked(night, more="[quality]\nmin_tag_support = 1\n")
    assert running(of_gate) == {**BEGUN_ANEW, "decide": {"config"}}
    assert running(of_quality) == {**BEGUN_ANEW, "validate": {"config", "previous"}}
    assert running(asked(night, seed=2)) == {**BEGUN_ANEW, "train": {"seed"}, "decide": {"seed"}}


def test_what_comes_after_a_step_that_would_run_may_change_with_it(night):
    lines = steps.dry_run_text(asked(night, more="[quality]\nmin_tag_support = 1\n")).splitlines()
    assert lines[1].startswith("validate       would run: config ")
    assert lines[2] == "split          unchanged, unless validate gives another output"


def test_asking_does_nothing_and_leaves_nothing(night):
    folder, _ = night
    before = sorted(path for path in (folder / "home" / "runs").rglob("*") if path.suffix != ".lock")
    asked(night, seed=3)
    assert sorted(path for path in (folder / "home" / "runs").rglob("*") if path.suffix != ".lock") == before


def test_the_checkpoints_of_an_interrupted_training_stay(night, monkeypatch):
    removed = []
    monkeypatch.setattr(sys.modules["seqtag.steps.train"], "remove_folder", removed.append)
    assert running(asked(night, seed=2))["train"] == {"seed"}
    assert removed == []


def test_other_packages_are_a_reason(night, monkeypatch):
    real = step.code_version

    def with_another_tensorflow(module, verb):
        found = real(module, verb)
        newer = {
            name: "99.0" if name == "tensorflow" else version for name, version in found.packages.items()
        }
        return type(found)(found.code, newer, found.definitions)

    monkeypatch.setattr(step, "code_version", with_another_tensorflow)
    answers = asked(night)
    newer = {"package tensorflow"}
    assert running(answers) == {
        **BEGUN_ANEW,
        "train": newer,
        "anchor": {"opponent"} | newer,
        "evaluate": {"opponent"} | newer,
        "decide": newer,  # which asks for the requirements of the serving code
    }
    assert "train          would run: package tensorflow 2." in steps.dry_run_text(answers)


def test_of_a_tagger_that_was_never_trained_the_sources_would_be_read(tmp_path):
    workspace = steps.Workspace.of(Settings(home=tmp_path / "home"))
    answers = steps.explain(load_tagger(Taggers(tmp_path).write()), workspace)
    assert running(answers) == {"ingest": set()}


def test_sources_that_changed_are_a_reason_and_the_rest_is_asked_with_the_newest_snapshot(night):
    folder, workspace = night
    path = folder / "small.toml"
    Taggers(folder).write()
    path.write_text(path.read_text().replace("n_sequences = 200", "n_sequences = 201"))
    answers = steps.explain(load_tagger(path), workspace)
    assert running(answers) == {**BEGUN_ANEW, "ingest": set(), "validate": {"config", "previous"}}
    assert [answer.step for answer in answers] == VERBS + OF_ONE_RUN


def test_a_step_that_is_forced_is_done_again_once_and_the_rest_only_if_it_gives_something_else(night):
    folder, workspace = night
    config = load_tagger(Taggers(folder).write())
    run = steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=date(2026, 1, 2))
    steps.force(run, ["split"], by="me")
    assert (steps.split(run).reused, steps.index(run).reused) == (False, True)
    assert steps.split(run).reused
    run.forced.unlink()


def test_what_is_forced_already_is_no_reason(night):
    folder, workspace = night
    config = load_tagger(Taggers(folder).write())
    run = steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=date(2026, 1, 2))
    steps.force(run, ["split"], by="somebody")
    steps.split(run)
    assert running(asked(night)) == {}
    run.forced.unlink()
    steps.split(run)


def test_a_setting_that_was_refused_and_mended_is_asked_for_as_it_is_now(night):
    folder, workspace = night
    refused = load_tagger(Taggers(folder).write(more="[quality]\nmin_sequences = 100000\n"))
    run = steps.open_run(refused, steps.ingest(refused, workspace), workspace, as_of=date(2027, 1, 1))
    with pytest.raises(CorpusRejectedError):
        steps.validate(run)
    assert running(asked(night)) == {}
    mended = asked(night, more="[quality]\nmin_sequences = 5\n")
    assert running(mended) == {"validate": {"config"}}  # of what comes after nothing is known
    shutil.rmtree(run.path)


def test_a_conclusion_of_which_a_part_is_lost_is_none(night):
    folder, workspace = night
    config = load_tagger(Taggers(folder).write())
    run = steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=date(2026, 1, 2))
    standing = steps.outcome_digest(run, workspace)
    assert standing is not None
    shutil.rmtree(run.output("decide"))
    assert steps.outcome_digest(run, workspace) is None
    steps.decide(run)
    assert steps.outcome_digest(run, workspace) == standing


def test_a_damaged_memory_of_sources_has_them_read_again(night):
    folder, workspace = night
    config = load_tagger(Taggers(folder).write())
    snapshot = steps.ingest(config, workspace)
    (memory,) = workspace.home.sources("small").iterdir()
    memory.write_text("")
    assert steps.ingest(config, workspace) == snapshot
    assert memory.read_text()


def test_a_step_whose_code_changes_while_it_runs_gives_nothing(night, monkeypatch):
    folder, workspace = night
    config = load_tagger(Taggers(folder).write(seed=7))
    run = steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=date(2026, 1, 3))
    real = step.uncached_code_version
    monkeypatch.setattr(step, "uncached_code_version", lambda *names: replace(real(*names), code="other"))
    steps.force(run, ["validate"], by="me")
    with pytest.raises(RunDirError, match="validate: code changed while the step ran"):
        steps.validate(run)
    assert not run.output("validate").exists()
    shutil.rmtree(run.path)


def test_the_command_says_a_line_for_each_step_and_nothing_else(night):
    folder, workspace = night
    path = Taggers(folder).write()
    command = [sys.executable, "-c", "from seqtag.cli.main import main; main()", "explain", path]
    environment = os.environ | {"SEQTAG_HOME": str(workspace.home.root)}
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert said.stdout.split() == [word for verb in VERBS + OF_ONE_RUN for word in (verb, "unchanged")]
    assert said.stderr == ""


def test_a_step_that_there_is_not_is_refused_before_anything_is_read(tmp_path):
    from seqtag.cli.step_commands import retrain

    with pytest.raises(
        ConfigError, match=r"force: no step is called trian; expected one of validate, .*train"
    ):
        retrain(tmp_path / "there is no such tagger.toml", ["trian"])
