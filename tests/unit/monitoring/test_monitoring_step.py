"""The monitoring step: it reads the champion's run directory and writes its report atomically."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqtag import steps
from seqtag.artifacts import find_manifest, materialize, read_json, write_json
from seqtag.config import TaggerConfig
from seqtag.corpus import corpus_schema, split_corpus, write_corpus
from seqtag.errors import ConfigError, CorpusFormatError, RunDirError
from seqtag.features import index_corpus
from seqtag.monitoring import DriftReport
from seqtag.registry import Champion
from seqtag.run_dir import Home, RunDir, Snapshot
from seqtag.steps.run_inputs import SnapshotAddress
from tests.sample_records import sample_profile
from tests.unit.monitoring.simulation import N_TEMPLATES, by_month, period, traffic

AS_OF = date(2026, 2, 1)


@dataclass(frozen=True)
class WorkspaceWithChampion(steps.Workspace):
    """A workspace with a fake registry that names the champion."""

    run_id: str | None = None

    def registry(self):
        return self

    def champion(self, _: str) -> Champion | None:
        return None if self.run_id is None else Champion("7", self.run_id, self.home.root, "digest", ())


def config(**monitor) -> TaggerConfig:
    return TaggerConfig(
        name="toy", corpus={"sources": [{"format": "sample"}], "columns": ["day"]}, monitor=monitor
    )


SCHEMA = corpus_schema(["day"])


def as_corpus(batch: pa.RecordBatch) -> pa.RecordBatch:
    nothing = pa.nulls(batch.num_rows, pa.string())
    columns = {"sequence_id": batch.column("document_id"), "split": nothing, "defect": nothing}
    columns |= {"day": batch.column("day") if "day" in batch.schema.names else nothing}
    columns |= {name: batch.column(name) for name in ("document_id", "tokens", "tags")}
    return pa.RecordBatch.from_pydict(columns, schema=SCHEMA)


def make_snapshot(home: Home, *batches: pa.RecordBatch) -> Snapshot:
    partial = home.corpus("toy") / "partial"
    partial.mkdir(parents=True)
    snapshot = Snapshot(home.corpus("toy") / write_corpus(map(as_corpus, batches), SCHEMA, partial))
    parts = {p.name: p.read_bytes() for p in partial.iterdir()}
    for part in partial.iterdir():
        part.unlink()
    partial.rmdir()

    def write(folder: Path) -> None:
        for name, content in parts.items():
            (folder / name).write_bytes(content)

    materialize(snapshot.path, step="ingest", inputs={}, write=write)
    return snapshot


OLD = period(400, seed=1)
REPEATING = traffic(3000, seed=1, repeating=0.3)


@pytest.fixture
def workspace(tmp_path: Path) -> WorkspaceWithChampion:
    """Return a workspace whose champion was trained on `OLD`."""
    return served(tmp_path, OLD)


@pytest.fixture
def repeating(tmp_path: Path) -> WorkspaceWithChampion:
    """Return a workspace whose champion was trained on sequences without documents, 30% of them repeated."""
    return served(tmp_path, REPEATING)


def served(folder: Path, corpus: pa.RecordBatch) -> WorkspaceWithChampion:
    """Run a retraining that makes the champion, with tags in IOBES although the corpus is in IOB2."""
    home = Home(folder / "home")
    snapshot = make_snapshot(home, corpus)
    run = RunDir(home.runs("toy") / "2026-01-01-first")
    run.path.mkdir(parents=True)
    write_json(run.config, config().model_dump(mode="json"))
    SnapshotAddress(str(snapshot.path)).save(run.snapshot_address)
    run.output("validate").mkdir()
    sample_profile("IOB2").save(run.profile)

    def write_splits(folder: Path) -> None:
        split_corpus(
            snapshot.parts,
            quarantined=pa.array([], pa.int64()).to_numpy(),
            config=config().split.model_copy(update={"dev": 0.2, "test": 0.2}),
            scheme="IOB2",
            train_scheme="IOBES",
            folder=folder,
        )

    def write_index(folder: Path) -> None:
        features = config().features.model_copy(update={"fold": "none"})
        index_corpus(
            run.split("train"), declared=None, previous=(), scheme="IOBES", config=features, folder=folder
        )

    def write_predictions(folder: Path) -> None:
        test = pq.read_table(run.split("test"))
        sure = pa.array([[0.9] * len(tokens) for tokens in test["tokens"].to_pylist()])
        tagged = test.append_column("predicted", test["tags"]).append_column("confidence", sure)
        pq.write_table(tagged, folder / run.predictions("challenger").name)

    materialize(run.output("split"), step="split", inputs={}, write=write_splits)
    materialize(run.output("index"), step="index", inputs={}, write=write_index)
    materialize(run.output("evaluate"), step="evaluate", inputs={}, write=write_predictions)
    return WorkspaceWithChampion(home, "", run_id=run.id)


def found(
    workspace: WorkspaceWithChampion, snapshot: Snapshot, *, of: TaggerConfig | None = None, **arguments
) -> DriftReport:
    report = steps.monitor(of or config(), workspace, snapshot, as_of=AS_OF, **arguments)
    assert find_manifest(report.path) is not None
    return steps.drift(report)


def test_the_report_is_filed_by_day_and_snapshot(workspace: WorkspaceWithChampion) -> None:
    snapshot = make_snapshot(workspace.home, period(150, seed=2))
    report = steps.monitor(config(), workspace, snapshot, as_of=AS_OF)
    assert report.path == workspace.home.root / "monitoring" / "toy" / f"2026-02-01-{snapshot.id}"
    assert report.drift.exists()


def test_data_without_drift_is_steady(workspace: WorkspaceWithChampion) -> None:
    drift = found(workspace, make_snapshot(workspace.home, period(150, seed=2)))
    assert (drift.verdict, drift.compared) == ("steady", "all")
    assert drift.champion.version == "7"
    assert drift.profiles["snapshot"].current.tags.keys() == {"O", "S-LOC", "S-PER"}


def test_only_new_sequences_of_a_grown_corpus_are_compared(workspace: WorkspaceWithChampion) -> None:
    drift = found(
        workspace, make_snapshot(workspace.home, OLD, period(100, seed=2, unknown=0.25, accent="v"))
    )
    assert (drift.verdict, drift.compared) == ("retrain", "new")
    assert drift.profiles["snapshot"].current.n_sequences == period(100, seed=2).num_rows
    assert {s.name for s in drift.statistics if s.alarms} >= {"unknown tokens"}


def test_a_snapshot_with_nothing_new_is_steady(workspace: WorkspaceWithChampion) -> None:
    drift = found(workspace, Snapshot(next(p for p in workspace.home.corpus("toy").iterdir() if p.is_dir())))
    assert (drift.verdict, drift.rule) == ("steady", "support")


def test_an_identical_comparison_is_not_repeated(workspace: WorkspaceWithChampion) -> None:
    snapshot = make_snapshot(workspace.home, period(150, seed=2))
    report = steps.monitor(config(), workspace, snapshot, as_of=AS_OF)
    before = report.drift.stat().st_mtime_ns
    assert steps.monitor(config(), workspace, snapshot, as_of=AS_OF).drift.stat().st_mtime_ns == before
    steps.monitor(config(quantile=0.9), workspace, snapshot, as_of=AS_OF)
    assert report.drift.stat().st_mtime_ns > before


def alarms(drift: DriftReport) -> set[str]:
    return {s.name for s in drift.statistics if s.alarms}


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_a_corpus_with_repeats_is_steady_without_drift(repeating: WorkspaceWithChampion, seed: int) -> None:
    drift = found(repeating, make_snapshot(repeating.home, traffic(600, seed=seed, repeating=0.3)))
    assert (drift.verdict, drift.rule, drift.compared) == ("steady", "drift", "all")
    assert drift.profiles["snapshot"].reference.n_sequences == 3000
    assert len(drift.statistics) == 10


def test_unknown_words_between_repeated_sequences_are_detected(repeating: WorkspaceWithChampion) -> None:
    drift = found(repeating, make_snapshot(repeating.home, traffic(600, seed=2, repeating=0.3, unknown=0.1)))
    assert (drift.verdict, drift.rule) == ("retrain", "drift")
    assert alarms(drift) == {"unknown tokens"}


def test_a_tag_that_doubles_between_repeated_sequences_is_detected(repeating: WorkspaceWithChampion) -> None:
    shares = (0.06, 0.12)
    drift = found(
        repeating, make_snapshot(repeating.home, traffic(600, seed=2, repeating=0.3, shares=shares))
    )
    assert (drift.verdict, drift.rule) == ("retrain", "drift")
    assert alarms(drift) >= {"tags", "bigrams"}


def test_repeated_sequences_with_different_tags_are_detected(repeating: WorkspaceWithChampion) -> None:
    new = traffic(600, seed=2, repeating=0.3)
    repeats = set(traffic(2000, seed=3, repeating=1.0).column("document_id").to_pylist())
    assert len(repeats) == N_TEMPLATES
    documents, tags = (new.column(name).to_pylist() for name in ("document_id", "tags"))
    retagged = [["O"] * len(t) if d in repeats else t for d, t in zip(documents, tags, strict=True)]
    drift = found(repeating, make_snapshot(repeating.home, new.set_column(2, "tags", pa.array(retagged))))
    assert drift.verdict == "retrain"
    assert alarms(drift) >= {"tags", "bigrams"}


def test_new_repeats_count_as_new_sequences_of_a_grown_corpus(repeating: WorkspaceWithChampion) -> None:
    new = traffic(400, seed=2, repeating=0.3)
    drift = found(repeating, make_snapshot(repeating.home, REPEATING, new))
    assert (drift.verdict, drift.rule, drift.compared) == ("steady", "drift", "new")
    assert drift.profiles["snapshot"].current.n_sequences == 400


@pytest.mark.parametrize("n_sequences", [3000, 9000])
def test_a_sample_of_repetitive_traffic_is_not_a_grown_corpus(tmp_path: Path, n_sequences: int) -> None:
    """Three of five sequences were in the earlier snapshot, too, at least as often."""
    workspace = served(tmp_path, traffic(3000, seed=1, repeating=0.6))
    drift = found(workspace, make_snapshot(workspace.home, traffic(n_sequences, seed=2, repeating=0.6)))
    assert (drift.verdict, drift.rule, drift.compared) == ("steady", "drift", "all")


def test_varying_months_of_repetitive_traffic_are_steady_and_an_outlier_is_detected(tmp_path: Path) -> None:
    *months, new = by_month(9, 300, seed=5, repeating=0.3, spread=0.3)
    workspace = served(tmp_path, pa.concat_batches(months))
    dated = config(period_column="day")
    drift = found(workspace, make_snapshot(workspace.home, new), of=dated)
    assert (drift.verdict, drift.rule) == ("steady", "drift")
    assert len(drift.noise_floor.drawn_from["snapshot"].periods) == 8
    other = make_snapshot(
        workspace.home, traffic(300, seed=6, repeating=0.3, unknown=0.4, accent="v", n_rare=20)
    )
    assert alarms(found(workspace, other, of=dated)) == {"unknown tokens"}


def with_confidence(batch: pa.RecordBatch, confidence: float) -> pa.RecordBatch:
    sure = pa.array([[confidence] * len(tokens) for tokens in batch.column("tokens").to_pylist()])
    return batch.append_column("confidence", sure)


@pytest.mark.parametrize(
    ("confidence", "verdict", "expected"), [(0.9, "steady", set()), (0.6, "warn", {"confidence"})]
)
def test_logs_with_repeats_are_compared_without_them(
    repeating: WorkspaceWithChampion, tmp_path: Path, confidence: float, verdict: str, expected: set[str]
) -> None:
    logs = with_confidence(traffic(1500, seed=3, repeating=0.3), confidence)
    pq.write_table(pa.Table.from_batches([logs]), tmp_path / "logs.parquet")
    snapshot = make_snapshot(repeating.home, traffic(600, seed=2, repeating=0.3))
    drift = found(repeating, snapshot, tagged_logs=tmp_path / "logs.parquet")
    assert (drift.verdict, alarms(drift)) == (verdict, expected)
    profiles = drift.profiles["logs"]
    assert profiles.arrived.n_sequences == 1500
    assert 0.65 < profiles.current.n_sequences / 1500 < 0.75


def test_the_limit_on_unknown_tokens_applies_to_logs_including_repeats(
    repeating: WorkspaceWithChampion, tmp_path: Path
) -> None:
    """60% of the tokens in new sequences are unknown, but only 12% of those in all logs."""
    logs = traffic(3000, seed=3, repeating=0.8, unknown=0.65)
    pq.write_table(pa.Table.from_batches([logs]), tmp_path / "logs.parquet")
    snapshot = make_snapshot(repeating.home, traffic(600, seed=2, repeating=0.3))
    drift = found(repeating, snapshot, tagged_logs=tmp_path / "logs.parquet")
    assert drift.profiles["logs"].current.unknown_tokens > 0.5
    assert drift.profiles["logs"].arrived.unknown_tokens < 0.2
    assert (drift.verdict, drift.rule) == ("warn", "drift_without_labels")


@pytest.mark.parametrize("name", ["logs.jsonl", "logs.parquet"])
def test_tagged_logs_are_compared_with_the_predictions_on_test(
    workspace: WorkspaceWithChampion, tmp_path, name
) -> None:
    logs = period(100, seed=3, confidence=0.6)  # the reference has 0.9 throughout
    if name.endswith("jsonl"):
        rows = logs.select(["tokens", "tags", "confidence"]).to_pylist()
        (tmp_path / name).write_text("".join(json.dumps({**row, "id": 1}) + "\n" for row in rows))
    else:
        pq.write_table(pa.Table.from_batches([logs]), tmp_path / name)
    drift = found(workspace, make_snapshot(workspace.home, period(150, seed=2)), tagged_logs=tmp_path / name)
    assert (drift.verdict, drift.rule) == ("warn", "drift_without_labels")
    assert {(s.origin, s.name) for s in drift.statistics if s.alarms} >= {("logs", "confidence")}
    assert drift.profiles["logs"].current.n_sequences == logs.num_rows
    assert drift.profiles["logs"].current.tags.keys() == {"O", "S-LOC", "S-PER"}


def test_what_other_versions_tagged_is_left_out(workspace: WorkspaceWithChampion, tmp_path: Path) -> None:
    rows = period(90, seed=3).select(["tokens", "tags"]).to_pylist()
    for number, row in enumerate(rows):
        row["model_version"] = ["7", "6", None][number % 3]
    logs = tmp_path / "logs.parquet"
    pq.write_table(pa.Table.from_pylist(rows), logs)
    drift = found(workspace, make_snapshot(workspace.home, period(150, seed=2)), tagged_logs=logs)
    assert drift.profiles["logs"].current.n_sequences == sum(row["model_version"] != "6" for row in rows)


def test_missing_logs_are_refused(workspace: WorkspaceWithChampion, tmp_path: Path) -> None:
    with pytest.raises(CorpusFormatError, match="nowhere: no such file or folder of tagged logs"):
        found(workspace, make_snapshot(workspace.home, period(9, seed=2)), tagged_logs=tmp_path / "nowhere")


def test_logs_without_tokens_are_refused(workspace: WorkspaceWithChampion, tmp_path: Path) -> None:
    pq.write_table(pa.table({"words": ["a"]}), tmp_path / "logs.parquet")
    with pytest.raises(CorpusFormatError, match="missing columns: tokens"):
        found(workspace, make_snapshot(workspace.home, period(9, seed=2)), tagged_logs=tmp_path)


def test_a_report_of_an_earlier_version_is_read(workspace: WorkspaceWithChampion, tmp_path: Path) -> None:
    """It names no format, and omits `arrived` where nothing was left out."""
    snapshot = make_snapshot(workspace.home, period(150, seed=2))
    report = steps.monitor(config(), workspace, snapshot, as_of=AS_OF)
    content = read_json(report.drift)
    assert content.pop("format") == "drift/1"
    assert content["profiles"]["snapshot"].pop("arrived") is None
    write_json(tmp_path / "drift.json", content)
    assert DriftReport.load(tmp_path / "drift.json") == steps.drift(report)


def test_staleness_is_reported(workspace: WorkspaceWithChampion) -> None:
    snapshot = make_snapshot(workspace.home, period(150, seed=2))
    drift = found(workspace, snapshot, of=config(max_model_age_days=30), last_run=date(2026, 1, 29))
    assert (drift.verdict, drift.rule) == ("warn", "model_age")
    assert [age.days for age in drift.ages] == [31, 3]


def test_without_a_champion_the_verdict_is_retrain(workspace: WorkspaceWithChampion) -> None:
    snapshot = make_snapshot(workspace.home, period(9, seed=2))
    drift = found(WorkspaceWithChampion(workspace.home, ""), snapshot)
    assert (drift.verdict, drift.rule) == ("retrain", "no_champion")


def test_a_champion_without_its_run_directory_is_an_error_and_writes_nothing(
    workspace: WorkspaceWithChampion,
) -> None:
    snapshot = make_snapshot(workspace.home, period(9, seed=2))
    with pytest.raises(RunDirError, match="no finished output"):
        steps.monitor(
            config(),
            WorkspaceWithChampion(workspace.home, "", run_id="2026-01-01-deleted"),
            snapshot,
            as_of=AS_OF,
        )
    assert not workspace.home.monitoring("toy").exists()


def test_the_card_shows_each_statistic_and_escapes_data(workspace: WorkspaceWithChampion) -> None:
    snapshot = make_snapshot(workspace.home, period(150, seed=2, unknown=0.25, accent="v"))
    report = steps.monitor(config(), workspace, snapshot, as_of=AS_OF)
    card = steps.drift_card(report)
    assert card.startswith("# Retrain: toy on 2026-02-01\n")
    assert "| statistic | reference | current | value | threshold | support | verdict |" in card
    (row,) = [line for line in card.splitlines() if line.startswith("| unknown tokens (snapshot)")]
    assert row.endswith("tokens | ALARM |")
    evil = read_json(report.drift)
    evil["statistics"][0]["where"] = "<b>|x"
    write_json(report.drift, evil)
    assert "&lt;b&gt;\\|x" in steps.drift_card(report)


def test_the_card_without_a_champion_has_no_statistics(workspace: WorkspaceWithChampion) -> None:
    snapshot = make_snapshot(workspace.home, period(9, seed=2))
    report = steps.monitor(config(), WorkspaceWithChampion(workspace.home, ""), snapshot, as_of=AS_OF)
    assert "There is no champion" in steps.drift_card(report)


def test_the_path_of_logs_is_an_argument_or_configured(monkeypatch) -> None:
    monkeypatch.setenv("SEQTAG_AS_OF", "2026-02-01")
    assert steps.tagged_logs_path(config(), None) is None
    configured = config(tagged_logs="logs/${SEQTAG_AS_OF}")
    assert str(steps.tagged_logs_path(configured, None)) == "logs/2026-02-01"
    assert str(steps.tagged_logs_path(configured, "other")) == "other"
    monkeypatch.delenv("SEQTAG_AS_OF")
    with pytest.raises(ConfigError, match=r"monitor\.tagged_logs: environment variable SEQTAG_AS_OF"):
        steps.tagged_logs_path(configured, None)
