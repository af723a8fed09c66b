"""What a retraining would do is asked of a home in which a first one was finished."""

from datetime import date

import pytest

from seqtag import steps
from seqtag.config import Settings, load_tagger
from seqtag.errors import ConfigError
from tests.taggers import Taggers

VERBS = ["ingest", "validate", "split", "index", "encode", "train", "evaluate", "decide"]


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """Return the folder of a tagger, and the place in which it was retrained."""
    folder = tmp_path_factory.mktemp("night")
    config = load_tagger(Taggers(folder).write())
    place = steps.Place.of(Settings(home=folder / "home"))
    run = steps.open_run(config, steps.ingest(config, place), place, as_of=date(2026, 1, 1))
    for verb in VERBS[1:]:
        getattr(steps, verb)(run)
    return folder, place


def asked(night, **written):
    """Return what each verb would do with the tagger written anew."""
    folder, place = night
    return steps.explain(load_tagger(Taggers(folder).write(**written)), place)


def running(answers):
    return {answer.step: set(answer.changed) for answer in answers if answer.would_run}


def test_with_nothing_new_all_stands(night):
    answers = asked(night)
    assert [answer.step for answer in answers] == VERBS
    assert running(answers) == {}
    assert steps.explanation(answers).splitlines()[5] == "train      stands"


def test_a_change_runs_what_it_is_an_input_of(night):
    assert running(asked(night, floor=0.06)) == {"evaluate": {"config"}, "decide": {"config"}}
    assert running(asked(night, more="[quality]\nmin_tag_support = 1\n")) == {"validate": {"config"}}
    assert set(running(asked(night, seed=2))) >= {"train", "decide"}


def test_what_comes_after_a_step_that_would_run_may_change_with_it(night):
    lines = steps.explanation(asked(night, more="[quality]\nmin_tag_support = 1\n")).splitlines()
    assert lines[1].startswith("validate   would run: config ")
    assert lines[2] == "split      stands, unless validate gives something else"


def test_asking_does_nothing_and_leaves_nothing(night):
    folder, _ = night
    before = sorted(path for path in (folder / "home" / "runs").rglob("*") if path.suffix != ".lock")
    asked(night, seed=3)
    assert sorted(path for path in (folder / "home" / "runs").rglob("*") if path.suffix != ".lock") == before


def test_other_packages_are_a_reason(night, monkeypatch):
    real = steps.ground.provenance

    def with_another_tensorflow(module, verb):
        found = real(module, verb)
        newer = {
            name: "99.0" if name == "tensorflow" else version for name, version in found.packages.items()
        }
        return type(found)(found.code, newer, found.definitions)

    monkeypatch.setattr(steps.ground, "provenance", with_another_tensorflow)
    answers = asked(night)
    assert running(answers) == {"train": {"package tensorflow"}, "evaluate": {"package tensorflow"}}
    assert "train      would run: package tensorflow 2." in steps.explanation(answers)


def test_of_a_tagger_that_was_never_trained_the_sources_would_be_read(tmp_path):
    place = steps.Place.of(Settings(home=tmp_path / "home"))
    answers = steps.explain(load_tagger(Taggers(tmp_path).write()), place)
    assert running(answers) == {"ingest": set()}


def test_sources_that_changed_are_a_reason_and_the_rest_is_asked_with_the_newest_snapshot(night):
    folder, place = night
    path = folder / "small.toml"
    Taggers(folder).write()
    path.write_text(path.read_text().replace("n_sequences = 200", "n_sequences = 201"))
    answers = steps.explain(load_tagger(path), place)
    assert running(answers).keys() == {"ingest", "validate"}  # the configuration of the corpus is validated
    assert [answer.step for answer in answers] == VERBS


def test_a_step_that_is_forced_is_done_again_once_and_the_rest_only_if_it_gives_something_else(night):
    folder, place = night
    config = load_tagger(Taggers(folder).write())
    run = steps.open_run(config, steps.ingest(config, place), place, as_of=date(2026, 1, 2))
    with pytest.raises(ConfigError, match=r"steps of .*'train'.* were required. Received: \['trian'\]"):
        steps.force(run, ["trian"], by="me")
    steps.force(run, ["split"], by="me")
    assert (steps.split(run).reused, steps.index(run).reused) == (False, True)
    assert steps.split(run).reused
    run.forced.unlink()
