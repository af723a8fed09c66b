"""Smoke test of a real model, and of models whose answers differ from their evaluation."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqtag.errors import SeqtagError
from seqtag.registry import Registry, SmokeFindings, failures, sqlite_url
from seqtag.registry.smoke_checks import MALFORMED, UNUSUAL
from seqtag.registry.smoke_findings import smoke_test
from tasks.failures import kind_of

Results = Callable[..., dict[str, Any]]
SEQUENCES = [["a", "b", "c"], ["b", "d"], ["a"], ["c", "d", "a", "b"]]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bundle in `model`, trained on spans for an epoch, with its predictions in `golden.parquet`."""
    from seqtag.config import FeaturesConfig, ModelConfig, TrainConfig
    from seqtag.features import encode_corpus, index_corpus
    from seqtag.neural import TagColumn, train, write_predictions

    folder = tmp_path_factory.mktemp("smoke_test")
    for name in ("vocabulary", "model"):
        (folder / name).mkdir()
    features = FeaturesConfig(bucket_lengths=(4, 8), window_overlap=2)
    tokens = SEQUENCES * 4
    tags = [["B-X" if token == "a" else "O" for token in sequence] for sequence in tokens]
    split = folder / "split.parquet"
    columns = {"row": pa.array(range(len(tokens)), pa.int64()), "split": ["test"] * len(tokens)}
    pq.write_table(pa.table({**columns, "tokens": tokens, "tags": tags}), split)
    vocabulary, index = index_corpus(
        split, declared=None, previous=(), scheme="IOBES", config=features, folder=folder / "vocabulary"
    )
    splits = {"train": split, "dev": split}
    encode_corpus(splits, vocabulary, index, config=features, folder=folder / "encoded")
    train(
        [TagColumn(folder / "encoded", folder / "vocabulary", folder / "model", "accuracy", "IOB2")],
        config=TrainConfig(max_epochs=1),
        model=ModelConfig(),
        features=features,
        seed=1,
    )
    write_predictions(folder / "model", split, folder / "golden.parquet", scheme="IOBES")
    return folder


@pytest.fixture
def validate(
    registry: Registry, results: Results, trained: Path, tmp_path: Path
) -> Callable[..., SmokeFindings]:
    """Apply `change` to a copy of the bundle, register it, apply `spoil` to the model, and validate it."""

    def validated(
        golden: Path | None = trained / "golden.parquet",
        change: Callable[[Path], object] = lambda _: None,
        spoil: Callable[[Path], None] = lambda _: None,
    ) -> SmokeFindings:
        bundle = tmp_path / "model"
        shutil.copytree(trained / "model", bundle)
        change(bundle)
        registry.register("sample", **{**results(), "bundle": bundle})
        spoil(registry.checked_version("sample", "1").bundle.parent.parent)
        return registry.smoke_test("sample", "1", golden=golden, scheme="IOBES")

    return validated


def failed(findings: SmokeFindings) -> list[str]:
    return [finding.check for finding in findings.checks if not finding.passed]


def test_a_model_that_answers_as_in_its_evaluation_passes_every_check(
    validate: Callable[..., SmokeFindings],
) -> None:
    findings = validate()
    assert (findings.passed, failed(findings), failures(findings)) == (True, [], "")
    checks = [finding.check for finding in findings.checks]
    assert checks[:3] == [
        "model loads",
        "tags match the evaluation",
        "confidences match the evaluation",
    ]
    assert len(checks) == 3 + len(UNUSUAL) + 1 + len(MALFORMED)
    assert "tags 10,000 tokens" in checks
    assert set(findings.measured) == {
        "load_seconds", "one_sequence_milliseconds", "tokens_per_second", "peak_bytes"
    }  # fmt: skip
    assert all(value > 0 for value in findings.measured.values())
    json.dumps(findings.content(), allow_nan=False)


def test_without_golden_predictions_the_other_checks_run(
    validate: Callable[..., SmokeFindings],
) -> None:
    findings = validate(golden=None)
    assert findings.passed
    assert not [f for f in findings.checks if "evaluation" in f.check]


def test_predictions_that_differ_from_the_evaluation_are_found(
    validate: Callable[..., SmokeFindings], trained: Path, tmp_path: Path
) -> None:
    table = pq.read_table(trained / "golden.parquet")
    predicted = table["predicted"].to_pylist()
    other = "S-X" if predicted[1][0] == "O" else "O"
    predicted[1][0] = other
    confidence = table["confidence"].to_pylist()
    confidence[0][0] += 2e-4 if confidence[0][0] < 0.5 else -2e-4
    columns = dict(zip(table.column_names, table.columns, strict=True))
    columns |= {"predicted": predicted, "confidence": pa.array(confidence, pa.list_(pa.float32()))}
    pq.write_table(pa.table(columns), tmp_path / "golden.parquet")
    findings = validate(golden=tmp_path / "golden.parquet")
    assert failed(findings) == ["tags match the evaluation", "confidences match the evaluation"]
    assert "1 of 16 sequences differ, first: ['b', 'd']" in failures(findings)
    assert "largest difference 0.0002, 0.0001 is allowed" in failures(findings)


def test_serving_code_that_accepts_malformed_tokens_and_returns_unknown_tags_is_found(
    validate: Callable[..., SmokeFindings],
) -> None:
    def spoil(model: Path) -> None:
        code = model / "serving_model.py"
        text = code.read_text().replace("isinstance(token, str) and token for", "True for")
        code.write_text(text.replace("tag.decode() for", "tag.decode() + 'X' for"))

    findings = validate(spoil=spoil)
    assert not findings.passed
    assert {"tags emoji", "rejects numbers", "rejects a null token"} <= set(failed(findings))
    assert "tags outside its tag set" in failures(findings)


def test_a_model_that_does_not_load_is_a_failed_check(
    validate: Callable[..., SmokeFindings],
) -> None:
    findings = validate(change=lambda b: (b / "saved_model" / "saved_model.pb").write_bytes(b"damaged"))
    assert (findings.passed, findings.measured) == (False, {})
    assert failed(findings) == ["model loads"]
    assert "Cannot parse file" in failures(findings)


def test_a_model_that_crashes_its_process_twice_is_a_failed_check(
    validate: Callable[..., SmokeFindings],
) -> None:
    def spoil(model: Path) -> None:
        code = model / "serving_model.py"
        code.write_text(code.read_text() + "\nimport os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n")

    findings = validate(spoil=spoil)
    assert failed(findings) == ["process survives"]
    assert "died of SIGSEGV" in failures(findings)


@pytest.mark.parametrize(
    ("lost", "kind"), [("model_versions", "InternalError"), ("model_version_tags", "TransientError")]
)
def test_a_database_failure_during_loading_is_not_blamed_on_the_model(
    registry: Registry, results: Results, trained: Path, tmp_path: Path, lost: str, kind: str
) -> None:
    """From a server, the smoke test looks the model up by its URI, as consumers do."""
    registry.register("sample", **{**results(), "bundle": trained / "model"})
    found = registry.checked_version("sample", "1")
    shutil.copy(tmp_path / "home" / "registry.db", tmp_path / "other.db")
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute(f"DROP TABLE {lost}")
    connection.close()
    url = sqlite_url(tmp_path / "other.db")
    with pytest.raises(SeqtagError) as raised:
        smoke_test(url, "models:/sample/1", found, golden=None, scheme="IOBES")
    assert kind_of(raised.value) == kind
