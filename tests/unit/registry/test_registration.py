from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from seqtag.errors import RegistryError
from seqtag.registry import Registry, bundle_digest, model_artifact, sqlite_url
from seqtag.registry.artifact_files import ArtifactFiles
from seqtag.registry.mlflow_store import MLflowStore
from seqtag.registry.mlflow_tables import MLflowTables
from seqtag.registry.registration import find_versions
from tests.registry_decisions import promote
from tests.sample_records import sample_decision, sample_interval, sample_metrics

OpenRegistry = Callable[[Path], Registry]
Results = Callable[..., dict[str, Any]]


def _client(home: Path) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=sqlite_url(home / "registry.db"))


def _tracked_runs(home: Path, tagger: str) -> list[Any]:
    client = _client(home)
    experiment = client.get_experiment_by_name(tagger)
    return list(client.search_runs([experiment.experiment_id]))


def test_a_registered_version_is_the_challenger_and_nothing_else(
    registry: Registry, results: Results
) -> None:
    registration = registry.register("sample", **results())
    (version,) = registry.versions("sample")
    assert (version.version, version.aliases) == ("1", ("challenger",))
    assert version.seqtag_run_id == "2026-11-22-a"
    assert version.tracked_run_id == registration.tracked_run_id
    assert (version.verdict, version.sentence) == (
        "PENDING",
        "Not promoted yet. Decision of the gate: 0.750 reaches the floor of 0.500.",
    )
    assert version.promoted_over is None
    assert registry.champion("sample") is None


def test_the_tracked_run_holds_parameters_scores_data_set_and_files(
    registry: Registry, results: Results, home: Path
) -> None:
    registration = registry.register("sample", **results())
    client = _client(home)
    run = client.get_run(registration.tracked_run_id)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "2026-11-22-a"
    assert run.data.params["corpus.sources.0.format"] == "sample"
    assert run.data.metrics["test/score_low"] == 0.5
    losses = client.get_metric_history(registration.tracked_run_id, "epoch/loss")
    assert sorted((m.step, m.value) for m in losses) == [(1, 1.5), (2, 0.75)]
    assert run.data.tags["seqtag.config"] == "c0ffee"
    assert run.data.tags["seqtag.bundle"] == registration.bundle_digest
    (data,) = run.inputs.dataset_inputs
    assert data.dataset.name == "0123456789abcdef"
    assert json.loads(data.dataset.source)["digest"] == "5d" * 32
    assert json.loads(data.dataset.profile)["train"] == {"n_sequences": 30}
    assert [output.model_id for output in run.outputs.model_outputs] == [registration.model_id]
    folder = home / "artifacts" / "sample" / registration.tracked_run_id / "artifacts"
    assert {file.name for file in folder.iterdir()} == {
        "config.json",
        "history.json",
        "metrics.json",
        "decision.json",
    }
    scores = {m.key: m.value for m in client.get_logged_model(registration.model_id).metrics}
    assert scores["test/accuracy"] == 0.75


def test_the_model_accepts_lists_of_strings_and_lists_its_requirements(
    registry: Registry, results: Results, home: Path
) -> None:
    from mlflow.models import Model

    model_id = registry.register("sample", **results()).model_id
    folder = home / "artifacts" / "sample" / "models" / model_id / "artifacts"
    signature = Model.load(str(folder)).signature.to_dict()
    strings = {"type": "array", "items": {"type": "string"}, "required": True}
    numbers = {"type": "array", "items": {"type": "double"}, "required": True}
    anything = {"type": "array", "items": {"type": "any"}, "required": True}
    assert json.loads(signature["inputs"]) == [{**anything, "name": "tokens"}]
    assert json.loads(signature["outputs"]) == [
        {**strings, "name": "tags"},
        {**numbers, "name": "confidence"},
        {**numbers, "name": "span_confidence", "required": False},
        {"type": "string", "name": "model_name", "required": False},
        {"type": "string", "name": "model_version", "required": False},
    ]
    requirements = (folder / "requirements.txt").read_text().split()
    assert [line.split("==")[0] for line in requirements] == ["mlflow", "numpy", "pandas", "tensorflow"]


def test_nothing_in_the_artifacts_is_a_pickle(registry: Registry, results: Results, home: Path) -> None:
    registry.register("sample", **results())
    files = [path for path in (home / "artifacts").rglob("*") if path.is_file()]
    assert {"MLmodel", "serving_model.py", "weights.npz", "saved_model.pb"} <= {path.name for path in files}
    assert not [path for path in files if path.suffix in {".pkl", ".pickle", ".cloudpickle", ".joblib"}]
    assert not [path for path in files if path.read_bytes()[:2] in {b"\x80\x03", b"\x80\x04", b"\x80\x05"}]


def test_registering_again_makes_no_second_version(
    open_registry: OpenRegistry, results: Results, home: Path
) -> None:
    first = open_registry(home).register("sample", **results())
    assert open_registry(home).register("sample", **results()) == first
    assert len(open_registry(home).versions("sample")) == 1
    assert len(_tracked_runs(home, "sample")) == 1


def test_another_bundle_of_the_same_run_directory_is_another_version(
    registry: Registry, results: Results
) -> None:
    registry.register("sample", **results(weights="w1"))
    assert registry.register("sample", **results(weights="w2")).version == "2"


@pytest.fixture
def fixed_serving_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return a function that replaces the serving code with a fixed copy."""
    fixed = tmp_path / "fixed" / "serving_model.py"
    fixed.parent.mkdir()
    fixed.write_text(model_artifact._SERVING_MODEL.read_text() + "# fixed\n")
    return lambda: monkeypatch.setattr(model_artifact, "_SERVING_MODEL", fixed)


def test_the_same_bundle_with_other_serving_code_is_another_version_that_uses_it(
    registry: Registry, results: Results, fixed_serving_code: Callable[[], None]
) -> None:
    arguments = results()
    bundle = arguments["bundle"]
    first = registry.register("sample", **arguments)
    fixed_serving_code()
    assert registry.registration("sample", run_id="2026-11-22-a", bundle=bundle) is None
    second = registry.register("sample", **arguments)
    found = registry.registration("sample", run_id="2026-11-22-a", bundle=bundle)
    assert found is not None
    assert (found.version, found.serving) == (second.version, second.serving)
    assert (second.version, second.bundle_digest) == ("2", first.bundle_digest)
    assert second.serving != first.serving
    assert registry.register("sample", **arguments) == second
    assert [v.aliases for v in registry.versions("sample")] == [(), ("challenger",)]
    folders = [registry.checked_version("sample", number).bundle.parents[1] for number in ("1", "2")]
    is_fixed = ["# fixed" in (folder / "serving_model.py").read_text() for folder in folders]
    assert is_fixed == [False, True]


def test_a_version_replaces_a_champion_that_is_the_same_model_with_older_serving_code(
    registry: Registry, results: Results, fixed_serving_code: Callable[[], None]
) -> None:
    registry.register("sample", **results())
    promote(registry, "sample", "1", expected_champion=None)
    fixed_serving_code()
    registry.register("sample", **results())
    entry = promote(registry, "sample", "2", expected_champion=None)
    assert (entry.event, entry.from_version, entry.to_version) == ("PROMOTE", "1", "2")
    champion = registry.champion("sample")
    assert champion is not None
    assert champion.version == "2"


def test_registering_an_older_run_again_does_not_move_the_challenger(
    registry: Registry, results: Results
) -> None:
    registry.register("sample", **results("2026-11-21-a"))
    registry.register("sample", **results("2026-11-22-a"))
    registry.register("sample", **results("2026-11-21-a"))
    assert [v.aliases for v in registry.versions("sample")] == [(), ("challenger",)]


def test_a_model_that_is_judged_again_keeps_its_version_and_gets_the_later_verdict(
    registry: Registry, results: Results, home: Path
) -> None:
    arguments = results()
    later = {
        **arguments,
        "decision": sample_decision(verdict="HOLD", sentence="0.500 against 0.600."),
        "metrics": sample_metrics(sample_interval(0.5, 0.25, 0.75)),  # MLflow shows the latest, not the best
    }
    first = registry.register("sample", **arguments)
    assert registry.register("sample", **later) == first
    (version,) = registry.versions("sample")
    assert (version.verdict, version.sentence) == ("HOLD", "0.500 against 0.600.")
    (run,) = _tracked_runs(home, "sample")
    assert (run.data.tags["seqtag.verdict"], run.data.metrics["test/score"]) == ("HOLD", 0.5)
    assert len(_client(home).get_metric_history(run.info.run_id, "epoch/loss")) == 2


def test_taggers_share_a_store_without_seeing_each_other(registry: Registry, results: Results) -> None:
    registry.register("sample", **results())
    registry.register("other", **results())
    assert [v.version for v in registry.versions("other")] == ["1"]
    promote(registry, "other", "1", expected_champion=None)
    assert registry.champion("sample") is None


def test_two_concurrent_registrations_of_a_run_create_one_version(
    open_registry: OpenRegistry, results: Results, home: Path
) -> None:
    arguments = results()
    registries = [open_registry(home), open_registry(home)]
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda r: r.register("sample", **arguments), registries)
    assert first == second
    assert len(_tracked_runs(home, "sample")) == 1


def test_an_empty_bundle_is_refused_before_anything_is_written(
    registry: Registry, results: Results, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(RegistryError, match="not a complete bundle"):
        registry.register("sample", **{**results(), "bundle": tmp_path / "empty"})
    assert registry.versions("sample") == []


class _KilledError(BaseException):
    """Simulates a process killed halfway."""


class _DyingClient:
    """Client whose process dies after the n-th call, counted from 0."""

    def __init__(self, client: Any, last_call: int) -> None:
        self._client = client
        self._left = last_call
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return self.counted(name, getattr(self._client, name))

    def counted(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            result = method(*args, **kwargs)
            self.calls.append(name)
            self._left -= 1
            if self._left < 0:
                raise _KilledError
            return result

        return call


def _register_until(
    registry: Registry, last_call: int, monkeypatch: pytest.MonkeyPatch, **arguments: Any
) -> list[str]:
    """Register in a process that dies after its n-th call; return the calls it made."""
    dying = _DyingClient(registry._store.client(), last_call)
    with monkeypatch.context() as patch:
        for name in ("client", "create"):
            patch.setattr(MLflowStore, name, lambda _: dying)
        for name in ("log_json", "log_model", "note_version"):
            patch.setattr(ArtifactFiles, name, dying.counted(name, getattr(ArtifactFiles, name)))
        with contextlib.suppress(_KilledError):
            registry.register(**arguments)
    return dying.calls


def test_a_registration_interrupted_after_any_call_is_completed_by_the_next(
    registry: Registry, results: Results, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = results()
    whole = _register_until(registry, 10**6, monkeypatch, tagger="whole", **arguments)
    assert {"create_run", "log_model", "create_model_version", "set_terminated"} <= set(whole)
    for last_call in range(len(whole)):
        tagger = f"cut-after-{last_call}"
        calls = _register_until(registry, last_call, monkeypatch, tagger=tagger, **arguments)
        assert calls == whole[: last_call + 1]
        registration = registry.register(tagger, **arguments)
        _assert_registered_once(registry, home, tagger, registration)


def _assert_registered_once(registry: Registry, home: Path, tagger: str, registration: Any) -> None:
    (version,) = registry.versions(tagger)
    assert version.aliases == ("challenger",)
    (run,) = _tracked_runs(home, tagger)
    assert run.info.status == "FINISHED"
    assert [output.model_id for output in run.outputs.model_outputs] == [registration.model_id]
    assert len(run.inputs.dataset_inputs) == 1
    assert len(_client(home).get_metric_history(run.info.run_id, "epoch/loss")) == 2
    (model,) = _client(home).search_logged_models([run.info.experiment_id])
    assert str(model.status) == "READY"
    assert len(model.metrics) == 6
    promote(registry, tagger, version.version, expected_champion=None)
    champion = registry.champion(tagger)  # checks the digest of the bundle
    assert champion is not None
    assert champion.bundle_digest == registration.bundle_digest


def test_partly_copied_files_are_copied_again(
    registry: Registry, results: Results, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = results()
    whole = _register_until(registry, 10**6, monkeypatch, tagger="whole", **arguments)
    copied = whole.index("log_model")
    _register_until(registry, copied, monkeypatch, tagger="sample", **arguments)
    (weights,) = (home / "artifacts" / "sample").rglob("weights.npz")
    weights.write_bytes(b"")
    registration = registry.register("sample", **arguments)
    assert weights.read_text() == "w1"
    assert registration.bundle_digest == bundle_digest(weights.parent)


def test_neither_the_working_directory_nor_global_settings_are_changed(
    registry: Registry, results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    before = (mlflow.get_tracking_uri(), mlflow.get_registry_uri(), mlflow.active_run())
    registry.register("sample", **results())
    promote(registry, "sample", "1", expected_champion=None)
    assert (mlflow.get_tracking_uri(), mlflow.get_registry_uri(), mlflow.active_run()) == before
    assert list(elsewhere.iterdir()) == []


def test_temporary_files_are_gone_afterwards(registry: Registry, results: Results, home: Path) -> None:
    registry.register("sample", **results())
    assert {path.name for path in home.iterdir()} == {"registry.db", "artifacts"}
    assert {path.name for path in (home / "artifacts").iterdir()} == {".lock", "sample"}


def test_a_home_with_spaces_and_special_characters_in_its_path_works(
    open_registry: OpenRegistry, results: Results, tmp_path: Path
) -> None:
    registry = open_registry(tmp_path / "my models, 100% #1")
    registry.register("sample", **results())
    promote(registry, "sample", "1", expected_champion=None)
    champion = registry.champion("sample")
    assert champion is not None
    assert champion.bundle.is_relative_to(tmp_path / "my models, 100% #1")


def test_the_digest_of_a_bundle_depends_on_the_names_and_bytes_of_its_listed_files(
    results: Results,
) -> None:
    bundle = results()["bundle"]
    before = bundle_digest(bundle)
    (bundle / "history.json").write_text("[]")  # durations of epochs
    assert bundle_digest(bundle) == before
    (bundle / "weights.npz").write_text("w2")
    other = bundle_digest(bundle)
    said = json.loads((bundle / "bundle.json").read_text())
    said["files"]["renamed.npz"] = said["files"].pop("weights.npz")
    (bundle / "bundle.json").write_text(json.dumps(said))
    (bundle / "weights.npz").rename(bundle / "renamed.npz")
    assert len({before, other, bundle_digest(bundle)}) == 3


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname"])
def test_a_bundle_cannot_name_files_outside_of_it(results: Results, name: str) -> None:
    bundle = results()["bundle"]
    (bundle / "bundle.json").write_text(json.dumps({"files": {name: "0"}}))
    with pytest.raises(RegistryError, match="file is outside the folder: expected a name inside it"):
        bundle_digest(bundle)


def test_the_tables_are_read_as_mlflow_reads_them(three_versions: Registry, home: Path) -> None:
    promote(three_versions, "sample", "2", expected_champion=None)
    client = MLflowStore(sqlite_url(home / "registry.db"), home / "artifacts").create()
    client.delete_model_version("sample", "1")
    client.set_registered_model_tag("sample", "note", "x")
    tables = MLflowStore(sqlite_url(home / "registry.db"), home / "artifacts").reader()

    assert isinstance(tables, MLflowTables)
    by_mlflow, by_tables = client.get_registered_model("sample"), tables.get_registered_model("sample")
    assert (by_tables.aliases, by_tables.tags) == (
        {alias: str(version) for alias, version in by_mlflow.aliases.items()},
        by_mlflow.tags,
    )
    pairs = list(zip(find_versions(client, "sample"), find_versions(tables, "sample"), strict=True))
    assert [str(version.version) for version, _ in pairs] == ["2", "3"]
    for version, stored_version in pairs:
        for field in ("name", "description", "run_id", "source", "tags"):
            assert getattr(stored_version, field) == getattr(version, field)
        run, stored = client.get_run(version.run_id).info, tables.get_run(version.run_id).info
        assert asdict(stored) == {field: getattr(run, field) for field in asdict(stored)}
    for read in (client, tables):
        with pytest.raises(Exception, match=r"Model Version \(name=sample, version=1\) not found"):
            read.get_model_version("sample", "1")


def test_importing_the_registry_does_not_import_mlflow() -> None:
    code = "import sys, seqtag.registry; sys.exit(any(m in sys.modules for m in ('mlflow', 'tensorflow')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_registration_survives_json(registry: Registry, results: Results) -> None:
    registration = registry.register("sample", **results())
    assert replace(registration) == type(registration)(**json.loads(json.dumps(vars(registration))))


def test_a_home_with_an_unusual_name_holds_its_registry_and_champion(
    open_registry: OpenRegistry, results: Results, tmp_path: Path
) -> None:
    name = "ä #1; b&c@d"
    registry = open_registry(tmp_path / name)
    registry.register("sample", **results())
    promote(registry, "sample", "1", expected_champion=None)
    champion = registry.champion("sample")
    assert champion is not None
    assert champion.bundle.is_relative_to(tmp_path / name / "artifacts")


def test_leftovers_of_a_killed_registration_are_removed(
    registry: Registry, results: Results, home: Path
) -> None:
    left = home / "artifacts" / ".packing-killed" / "model"
    left.mkdir(parents=True)
    (left / "MLmodel").write_text("half")
    registry.register("sample", **results())
    assert sorted(path.name for path in (home / "artifacts").iterdir()) == [".lock", "sample"]
