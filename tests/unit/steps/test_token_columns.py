"""An event log whose labels depend on the columns of its events, through all steps."""

from __future__ import annotations

import csv
import json
import logging
import random
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import seqtag
from seqtag import steps
from seqtag.cli import app
from seqtag.config import Settings, load_tagger
from seqtag.corpus import Profile
from seqtag.errors import BundleError, CorpusFormatError
from seqtag.evaluation import Metrics
from seqtag.monitoring import RepeatedSequences, read_labelled
from seqtag.neural import Tagger
from seqtag.neural.inference.prediction_writer import write_predictions
from seqtag.registry.smoke_findings import SmokeFindings
from seqtag.run_dir import RunDir
from seqtag.steps import Workspace
from tests.taggers import retrain

TAGGER = """
name = "events"

[[corpus.sources]]
format = "table"
path = "events.csv"
sequence_column = "case"
token_column = "activity"
tag_column = "label"
order_column = "time"
token_columns = { time = "time", host = "host name", flags = "flags", amount = "amount" }

[features]
columns = [
    { name = "time", kind = "time", zone = "Europe/Berlin" },
    { name = "host", kind = "category" },
    { name = "flags", kind = "set" },
    { name = "amount", kind = "number", buckets = 4 },
]
gazetteers = [{ name = "pairs", path = "phrases.txt" }]

[evaluate]
slices = ["host", "amount"]

[train]
max_epochs = 8
learning_rate = 0.01
"""
COLUMNS = ("time", "host", "flags", "amount")


def write_events(path: Path, n_cases: int = 240, *, large: int = 500) -> None:
    """Write events that are all alike except for their columns, each of which decides some labels."""
    draw = random.Random(3)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["case", "activity", "time", "host name", "flags", "amount", "label"])
        for case in range(n_cases):
            time = datetime(2026, 3, 1, tzinfo=UTC)
            for _ in range(draw.randrange(3, 12)):
                gap, amount = draw.choice([10, 7200]), draw.choice(["", 5, large])
                host, flags = draw.choice(["web", "api"]), draw.choice(["", "a", "a|retry"])
                label = (
                    ("late" if gap > 60 else "retried")
                    if "retry" in flags
                    else ("large" if amount == large else host)
                )
                time += timedelta(seconds=gap)
                writer.writerow([f"c{case}", "call", time.isoformat(), host, flags, amount, label])


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunDir:
    folder = tmp_path_factory.mktemp("events")
    write_events(folder / "events.csv")
    (folder / "phrases.txt").write_text("call call\n")
    (folder / "events.toml").write_text(TAGGER)
    return retrain(folder / "events.toml", Workspace.of(Settings(home=folder / "home")))


def test_labels_are_learned_from_columns_alone(run):
    predictions = pq.read_table(run.predictions("challenger"))
    same = pc.equal(pc.list_flatten(predictions["predicted"]), pc.list_flatten(predictions["tags"]))
    assert pc.mean(same.cast(pa.float64())).as_py() > 0.8  # five labels; the tokens are all equal


def test_monitoring_knows_that_the_sequences_have_no_documents(run):
    snapshot = read_labelled(steps.read_snapshot(run).parts, scheme="none", spelled="none")
    assert RepeatedSequences(snapshot).has_derived_documents


def test_tokens_are_scored_by_the_values_of_a_category(run):
    metrics = Metrics.load(run.metrics)
    found = {each.value: each for each in metrics.challenger.slices if each.slice == "host"}
    assert sorted(found) == ["api", "web"]
    assert sum(each.n_tokens for each in found.values()) == metrics.n_tokens
    for each in found.values():
        assert each.accuracy.low <= each.accuracy.value <= each.accuracy.high
        assert each.accuracy.support == each.n_tokens


def test_tokens_are_scored_by_the_buckets_of_a_number(run):
    metrics = Metrics.load(run.metrics)
    found = {each.value: each.n_tokens for each in metrics.challenger.slices if each.slice == "amount"}
    amounts = pc.list_flatten(pq.read_table(run.predictions("challenger"))["amount"])
    written = {"5 to < 500": "5", ">= 500": "500", "(missing)": None}
    counted = {value: amounts.to_pylist().count(text) for value, text in written.items()}
    assert found == counted


def test_a_served_model_takes_null_for_a_column_that_a_request_leaves_out(run):
    model = Workspace.of(Settings(home=run.path.parents[2])).registry().load("events", "1")
    given = {"time": ["2026-03-01T00:00:00Z"], "host": ["web"], "flags": ["a"], "amount": ["5"]}
    rows = [{"tokens": ["call"], **given}, {"tokens": ["call"], **dict.fromkeys(given)}]
    assert set(model.columns) == {"tokens", *given}
    alone = [model.predict(pd.DataFrame([row], columns=model.columns))["confidence"].tolist() for row in rows]
    joined = model.predict(pd.DataFrame(rows, columns=model.columns))["confidence"].tolist()
    assert [pytest.approx(each) for [each] in alone] == joined


def test_people_see_the_values_of_columns(run):
    profile = Profile.load(run.profile)
    (host,) = [column for column in profile.columns if column.name == "host"]
    found = host.splits["train"]
    assert (found.n_missing, found.n_distinct, found.n_values) == (0, 2, found.n_tokens)

    page, card = run.report.read_text("utf-8"), steps.corpus_card(run)
    for text in (page, card):
        assert "2 distinct values; train lacks 0.0% of" in text
        assert "5 to 500, median" in text

    checked = steps.check_text(steps.check(load_tagger(run.path.parents[3] / "events.toml"))).splitlines()
    (line,) = [each for each in checked if each.startswith("column   amount, in train 5 to 500, median ")]
    assert re.fullmatch(r".*; missing \d+\.\d% of train, \d+\.\d% of dev, \d+\.\d% of test", line)


def test_monitoring_names_the_column_that_changed(run, tmp_path):
    write_events(tmp_path / "events.csv", n_cases=120, large=50_000)
    quick = "\n[monitor]\nquantile = 0.9\nresamples = 200\n"
    (tmp_path / "events.toml").write_text(TAGGER + quick)
    config = load_tagger(tmp_path / "events.toml")
    workspace = Workspace.of(Settings(home=run.path.parents[2]))
    report = steps.monitor(config, workspace, steps.ingest(config, workspace), as_of=date(2026, 1, 2))
    found = steps.drift(report)
    assert {each.name for each in found.statistics if each.alarms} == {"values of amount"}
    assert "| values of amount (snapshot): Jensen-Shannon distance | " in steps.drift_card(report)


def test_the_served_model_reads_the_columns_as_the_evaluation_did(run):
    checks = {each.check: each.passed for each in SmokeFindings.load(run.smoke_findings).checks}
    assert checks["tags match the evaluation"]
    assert checks["confidences match the evaluation"]


def test_the_saved_model_of_the_bundle_gives_the_same_as_its_weights(run):
    batch = pq.read_table(run.split("test")).slice(0, 9).combine_chunks()
    columns = {name: batch[name].chunk(0) for name in COLUMNS}
    tagger, exported = (load(run.output("train")) for load in (Tagger.load, Tagger.load_exported))
    tokens = batch["tokens"].chunk(0)
    expected = tagger.tag(tokens, columns)
    assert exported.tag(tokens, columns).predicted == expected.predicted
    assert tagger.tag(tokens, {"unrelated": tokens}).predicted != expected.predicted  # all values missing


def test_encoded_files_have_the_columns_of_windows(run):
    (file, *_) = sorted((run.output("encode") / "train").glob("length=*/*.parquet"))
    schema = pq.read_schema(file)
    length = schema.field("token_ids").type.list_size
    assert schema.field("column_ids").type.list_size == 3 * length  # host, buckets of amount, phrases
    assert schema.field("column_values").type.list_size == (7 + 2 + 2) * length


def test_every_input_of_tag_has_the_columns(run, tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("SEQTAG_HOME", str(run.path.parents[2]))
    batch = pq.read_table(run.split("test")).slice(0, 5)
    objects = [
        {"tokens": row["tokens"], **{name: row[name] for name in COLUMNS}} for row in batch.to_pylist()
    ]
    for row in objects:
        row["amount"] = [None if text is None else float(text) for text in row["amount"]]
    (tmp_path / "new.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in objects))
    pq.write_table(batch.select(["tokens", *COLUMNS]), tmp_path / "new.parquet")
    with (tmp_path / "new.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["case", "activity", "time", "host name", "flags", "amount"])
        for number, row in enumerate(batch.to_pylist()):
            for values in zip(row["tokens"], *(row[name] for name in COLUMNS), strict=True):
                writer.writerow([f"n{number}", *("" if value is None else value for value in values)])
    found = {}
    for name in ("new.jsonl", "new.parquet", "new.csv"):
        output = tmp_path / f"{name}.out.jsonl"
        result = CliRunner().invoke(app, ["tag", "events", str(tmp_path / name), "--output", str(output)])
        assert result.exit_code == 0, result.output
        found[name] = [json.loads(line)["predicted"] for line in output.read_text().splitlines()]
    tagger = Tagger.load(run.output("train"))
    combined = batch.combine_chunks()
    expected = tagger.tag(
        combined["tokens"].chunk(0), {name: combined[name].chunk(0) for name in COLUMNS}
    ).predicted.to_pylist()
    assert found == dict.fromkeys(found, expected)

    (tmp_path / "short.jsonl").write_text('{"tokens": ["call", "call"], "host": ["web"]}\n')
    result = CliRunner().invoke(app, ["tag", "events", str(tmp_path / "short.jsonl")])
    assert "column 'host' has another number of values: expected one per token, 2, got 1" in str(
        result.exception
    )

    (tmp_path / "wrong.jsonl").write_text('{"tokens": ["call"]}\n{"tokens": ["call"], "time": ["soon"]}\n')
    result = CliRunner().invoke(app, ["tag", "events", str(tmp_path / "wrong.jsonl")])
    assert "wrong.jsonl: sequence 2, token 1: column 'time': expected a time or nothing, got 'soon'" in str(
        result.exception
    )

    (tmp_path / "bare.jsonl").write_text('{"tokens": ["call"], "Host": ["web"]}\n')
    with caplog.at_level(logging.WARNING):
        result = CliRunner().invoke(app, ["tag", "events", str(tmp_path / "bare.jsonl")])
    assert result.exit_code == 0
    assert (
        "reads columns that are not there, and all their values count as missing: time, host" in caplog.text
    )

    (tmp_path / "bare.txt").write_text("call call\n")
    result = CliRunner().invoke(app, ["tag", "events", str(tmp_path / "bare.txt"), "--format", "text"])
    assert result.exit_code == 0


def test_the_library_takes_columns_as_lists(run, monkeypatch):
    tagger = seqtag.load("events", home=run.path.parents[2])
    assert tagger.columns == COLUMNS
    columns = {"host": [["web", "api"]], "amount": [[500, None]], "flags": [None]}
    (with_columns,) = tagger.tag([["call", "call"]], columns)
    assert len(with_columns.tags) == 2
    for wrong, message in {
        ("host", (("web",),)): "sequence 1: column 'host' has another number of values",
        ("host", (("web", "web"), ("web",))): "column 'host' has 2 lists: expected one for each of 1",
        ("hots", (("web", "web"),)): "reads no such columns: expected some of .*'host'.*, got .'hots'.",
        (
            "amount",
            ((1, "1,5"),),
        ): "sequence 1, token 2: column 'amount': expected a finite number or nothing, got '1,5'",
    }.items():
        with pytest.raises(CorpusFormatError, match=message):
            tagger.tag([["call", "call"]], dict([wrong]))


def test_a_model_is_not_scored_on_a_split_without_its_columns(run, tmp_path):
    pq.write_table(pq.read_table(run.split("test")).drop_columns(["host"]), tmp_path / "test.parquet")
    with pytest.raises(BundleError, match=r"reads columns of tokens that .*test\.parquet lacks: host"):
        write_predictions(
            run.output("train"), tmp_path / "test.parquet", tmp_path / "out.parquet", scheme="none"
        )
