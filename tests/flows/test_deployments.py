"""Deployments loaded from files, applied to a real server, changed and removed."""

import shutil
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL

from flows.deploy.apply import declared_deployments, deploy
from seqtag.errors import ConfigError

CHECKOUT = Path(__file__).resolve().parents[2]
SMALL = 'name = "small"\n[[corpus.sources]]\nformat = "sample"\n'


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the real deployments.yaml and one tagger."""
    (tmp_path / "deployments" / "taggers").mkdir(parents=True)
    shutil.copy(CHECKOUT / "deployments" / "deployments.yaml", tmp_path / "deployments")
    written(tmp_path)
    return tmp_path


def written(checkout: Path, more: str = "", *, name: str = "small") -> Path:
    path = checkout / "deployments" / "taggers" / f"{name}.toml"
    path.write_text(SMALL.replace("small", name) + more)
    return path


@pytest.fixture
def api(server) -> str:
    """Yield the API address of the module's server, and delete all deployments afterwards."""
    yield PREFECT_API_URL.value()
    with get_client(sync_client=True) as client:
        for deployment in client.read_deployments():
            client.delete_deployment(deployment.id)


def deployed() -> dict:
    with get_client(sync_client=True) as client:
        flows = {flow.id: flow.name for flow in client.read_flows()}
        return {f"{flows[found.flow_id]}/{found.name}": found for found in client.read_deployments()}


def test_every_tagger_of_this_checkout_has_a_valid_deployment(
    monkeypatch,
) -> None:
    monkeypatch.chdir(CHECKOUT)
    files = {path.stem for path in (CHECKOUT / "deployments" / "taggers").glob("*.toml")}
    retrainings = [found for found in declared_deployments(CHECKOUT) if found.flow.name == "retrain"]
    assert {found.name for found in retrainings} == files
    assert all((CHECKOUT / found.parameters["tagger"]).is_file() for found in retrainings)


def test_a_new_file_adds_a_tagger_and_a_deleted_file_removes_it(checkout: Path, api: str) -> None:
    assert "+ retrain/small" in deploy(checkout, api=api)
    assert deploy(checkout, api=api) == []
    before = deployed().keys()
    other = written(checkout, name="other")
    assert "+ retrain/other" in deploy(checkout, api=api)
    assert deployed().keys() - before == {
        f"{flow}/other" for flow in ("retrain", "watch", "monitor", "backfill")
    }
    other.unlink()
    assert "- retrain/other" in deploy(checkout, api=api)
    assert deployed().keys() == before


def test_only_a_tagger_with_sources_to_tag_has_a_deployment_for_it(checkout: Path, api: str) -> None:
    more = '[schedule]\ntagging = "0 5 * * *"\n\n[[tagging.sources]]\nformat = "sample"\n'
    written(checkout, more)
    assert "+ tag/small" in deploy(checkout, api=api)
    assert deployed()["tag/small"].schedules[0].schedule.cron == "0 5 * * *"


@pytest.mark.parametrize("name", ["other", "chunks"])
def test_two_files_with_a_tagger_of_the_same_name_are_refused(checkout: Path, name: str) -> None:
    column = '[[further_tags]]\nname = "{}"\ntag_column = 3\n'
    conll = SMALL.replace('format = "sample"', 'format = "conll"\npath = "words.conll"\ntag_column = 1')
    written(checkout).write_text(conll + column.format(name))
    written(checkout, name="other").write_text(
        (conll + column.format("chunks")).replace('"small"', '"other"')
    )
    with pytest.raises(ConfigError, match=rf"small.toml: .*: other.toml has a tagger '{name}' too"):
        declared_deployments(checkout)


def test_a_deployment_has_the_settings_of_the_taggers_file(checkout: Path, api: str) -> None:
    more = (
        '[schedule]\ncron = "30 4 * * 1"\ntimezone = "Europe/Berlin"\noverlap = "enqueue"\nmissed = "all"\n'
    )
    written(checkout, more + 'environment = {A = "b"}\n')
    deploy(checkout, api=api)
    found = deployed()["retrain/small"]
    (schedule,) = found.schedules
    assert (schedule.schedule.cron, schedule.schedule.timezone) == ("30 4 * * 1", "Europe/Berlin")
    assert (schedule.active, found.global_concurrency_limit.limit) == (True, 1)
    assert found.concurrency_options.collision_strategy == "ENQUEUE"
    of_tagger = [each for title, each in deployed().items() if title.endswith("/small")]
    assert [each.job_variables for each in of_tagger] == [{"env": {"A": "b"}}] * 4
    assert set(found.tags) == {"seqtag", "missed:all", "overlap:enqueue"}
    assert found.enforce_parameter_schema
    assert found.parameters == {"tagger": "deployments/taggers/small.toml"}
    force = found.parameter_openapi_schema["properties"]["force"]
    assert "smoke_test" in str(force), "the form offers the steps by name"


def test_differences_are_reported_once(checkout: Path, api: str) -> None:
    deploy(checkout, api=api)
    written(checkout, '[schedule]\ncron = "0 3 * * *"\nactive = false\n')
    assert deploy(checkout, api=api) == [
        "~ retrain/small",
        "    schedule: 0 2 * * * UTC -> 0 3 * * * UTC (off)",
    ]
    assert deploy(checkout, api=api) == []


def test_deployments_of_others_are_left_alone(checkout: Path, api: str) -> None:
    with get_client(sync_client=True) as client:
        client.create_deployment(flow_id=client.create_flow_from_name("stranger"), name="theirs")
    deploy(checkout, api=api)
    assert {"retrain/small", "stranger/theirs"} <= deployed().keys()


def test_automations_are_not_duplicated_and_are_removed_with_their_tagger(
    checkout: Path, api: str, monkeypatch
) -> None:
    monkeypatch.setattr("flows.prefect_api._PAGE", 2)
    other = written(checkout, name="other")
    for _ in range(2):
        deploy(checkout, api=api)
    names = automations()
    assert len(names) == len(set(names)) == 3
    other.unlink()
    deploy(checkout, api=api)
    assert set(names) - set(automations()) == {"seqtag: other is retrained when its corpus changes or drifts"}


def test_the_notification_address_is_kept_until_another_one_is_set(
    checkout: Path, api: str, monkeypatch
) -> None:
    deploy(checkout, api=api)
    monkeypatch.setenv("SEQTAG_NOTIFY_URL", "json://127.0.0.1:9/a")
    changes = deploy(checkout, api=api)
    assert changes[0] == "+ block people"
    assert set(changes[1:]) == {
        "+ automation seqtag: notices are sent",
        "+ automation seqtag: failures are reported",
        "+ automation seqtag: a missing worker is reported",
    }
    assert deploy(checkout, api=api) == []
    monkeypatch.setenv("SEQTAG_NOTIFY_URL", "json://127.0.0.1:9/a,mailto://127.0.0.1:9?from=a@b.cd&to=e@f.gh")
    assert deploy(checkout, api=api) == ["~ block people"]
    monkeypatch.delenv("SEQTAG_NOTIFY_URL")
    assert deploy(checkout, api=api) == []
    monkeypatch.setenv("SEQTAG_NOTIFY_URL", "none")
    assert deploy(checkout, api=api)[0] == "- block people"
    assert not [name for name in automations() if "people" in name]
    assert deploy(checkout, api=api) == []


def test_an_unknown_address_is_refused_before_anything_is_changed(
    checkout: Path, api: str, monkeypatch
) -> None:
    monkeypatch.setenv("SEQTAG_NOTIFY_URL", "json://127.0.0.1:9/a,carrier-pigeon://secret@loft")
    with pytest.raises(ConfigError, match="SEQTAG_NOTIFY_URL") as refused:
        deploy(checkout, api=api)
    assert "secret" not in str(refused.value)
    assert not deployed()


def automations() -> list[str]:
    with get_client(sync_client=True) as client:
        return [automation.name for automation in client.read_automations()]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (
            '[schedule]\ncron = "61 2 * * *"\n',
            r"small\.toml: schedule.cron: .* has an invalid minute",
        ),
        ('[schedule]\ntimezone = "Mars"\n', r"small\.toml: schedule\.timezone: .*Europe/Berlin, got 'Mars'"),
        ('[schedule]\nmissed = "all"\n', r'requires overlap = "enqueue"'),
        ("[schedule]\ncorn = 1\n", r"schedule\.corn"),
        (
            '[schedule]\nenvironment = {URL = "postgresql://u:s3cret@h/d"}\n',
            r"must not hold secrets.*: got URL; set",
        ),
        ('[schedule]\nenvironment = {DB_PASSWORD = "s3cret"}\n', r"must not hold secrets.*: got DB_PASSWORD"),
    ],
)
def test_a_mistake_in_one_file_is_reported_and_nothing_is_deployed(
    checkout: Path, api: str, more: str, words: str
) -> None:
    written(checkout, name="other")
    written(checkout, more)
    with pytest.raises(ConfigError, match=words):
        deploy(checkout, api=api)
    assert deployed() == {}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("flows.retrain.retrain", "flows.retrain.retrian", "retrian"),
        ("flows.retrain.retrain", "flows.nowhere.retrain", "nowhere"),
        ("work_pool:", "work_pol:", "work_pool"),
    ],
)
def test_a_mistake_in_deployments_yaml_is_reported_with_its_place(
    checkout: Path, old: str, new: str, words: str
) -> None:
    path = checkout / "deployments" / "deployments.yaml"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ConfigError, match=rf"deployments\.yaml.*{words}"):
        declared_deployments(checkout)
