"""Long texts in MLflow's columns, on SQLite, which accepts any length, and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqtag.registry import Registry, column_limits
from seqtag.registry.column_limits import fitted, storable
from tests.registry_decisions import ADA, apply_decision, registry_decision
from tests.sample_records import sample_decision

Results = Callable[..., dict[str, Any]]
SENTENCE = "HOLD: " + " ".join(["gibt", "es", "nicht\0"] * 500)  # 6,505 characters


def test_a_text_that_fits_is_unchanged() -> None:
    assert fitted("x" * 5000, column_limits.DESCRIPTION, whole="decision.json") == "x" * 5000


def test_a_longer_text_is_cut_at_a_word_and_says_where_the_rest_is() -> None:
    text = fitted("ab " * 1667, 5000, whole="decision.json")
    assert text.endswith("ab ab … (continued in decision.json)")
    assert 4990 < len(text) <= 5000


def test_a_text_without_blanks_is_cut_anywhere() -> None:
    assert len(fitted("x" * 5001, 5000, whole="decision.json")) == 5000


def test_characters_that_databases_cannot_store_are_replaced_visibly() -> None:
    assert storable("a\0b\udcffc") == "a\ufffdb\ufffdc"


def _register_and_hold(registry: Registry, results: Results) -> None:
    """Register and judge a model with a sentence of more than 6,000 characters."""
    arguments = results()
    arguments["decision"] = sample_decision(verdict="HOLD", sentence=SENTENCE)
    arguments["config"]["gate"] = {"renamed_tags": {"X" * 300: "Y" * 9000}}
    arguments["tags"]["seqtag.note"] = "z" * 9000
    assert registry.register("sample", **arguments).version == "1"
    assert registry.register("sample", **arguments).version == "1"
    (version,) = registry.versions("sample")
    assert len(version.sentence) <= 5000
    assert version.sentence.endswith("… (continued in decision.json of its run, and in the ledger)")
    held = registry_decision("HOLD", against=None, sentence=SENTENCE)
    entry = apply_decision(registry, "sample", "1", held, by=ADA)
    assert apply_decision(registry, "sample", "1", held, by=ADA) == entry
    (kept,) = registry.history("sample")
    assert kept.sentence == SENTENCE.replace("\0", "\ufffd")


def test_a_sentence_of_six_thousand_characters_is_complete_in_the_ledger_and_cut_in_mlflow(
    registry: Registry, results: Results
) -> None:
    assert len(SENTENCE) > 6000
    _register_and_hold(registry, results)


@pytest.mark.slow
def test_postgresql_accepts_a_sentence_of_six_thousand_characters(
    empty_postgres_url: str, tmp_path: Path, results: Results
) -> None:
    _register_and_hold(Registry(empty_postgres_url, tmp_path / "artifacts"), results)


@pytest.mark.slow
def test_the_limits_match_the_tables_of_mlflow_on_postgresql(
    empty_postgres_url: str, tmp_path: Path, results: Results
) -> None:
    import sqlalchemy

    _register_and_hold(Registry(empty_postgres_url, tmp_path / "artifacts"), results)  # creates all tables
    engine = sqlalchemy.create_engine(empty_postgres_url, poolclass=sqlalchemy.NullPool)
    inspector = sqlalchemy.inspect(engine)

    def length(table: str, column: str) -> int | None:
        found = {each["name"]: each["type"] for each in inspector.get_columns(table)}
        return getattr(found[column], "length", None)

    assert length("model_versions", "description") == column_limits.DESCRIPTION
    assert length("tags", "value") == column_limits.TAG
    assert length("model_version_tags", "value") is None
    assert length("params", "value") >= column_limits.PARAM
    assert length("params", "key") == column_limits.KEY
    assert length("runs", "name") == column_limits.RUN_NAME
    assert length("datasets", "name") == column_limits.DATASET_NAME
    assert length("datasets", "digest") == column_limits.DATASET_DIGEST
    assert {length("seqtag_ledger", name) for name in ("sentence", "who", "report")} == {None}
