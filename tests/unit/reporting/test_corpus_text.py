"""Corpus card, quarantine rows and score rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqtag.corpus.schema import corpus_schema
from seqtag.quality.quarantine import quarantine_schema
from seqtag.reporting import corpus_markdown, quarantine_rows, record_table, score_markdown
from seqtag.reporting.score_tables import score_rows


def test_the_corpus_is_described_by_split_rule_and_tag(profile):
    tags = {"rare": {"train": 1}, "a|b": {"train": 600, "dev": 100}}
    text = corpus_markdown(replace(profile, tags=tags), {"Data docs": "http://127.0.0.1:1/x y"})

    assert text.startswith("# Accepted\n")
    assert "[Data docs](<http://127.0.0.1:1/x%20y>)" in text
    assert "| train | 80 | 0 | 800 | 37 | 10.0 | 60 |" in text
    assert "\n\nDev: 10 sequences split off from 90 labelled train.\n\n" in text
    assert "\n\nAmbiguous: 5 of 100 sequences (5.00%), with 2.00% of the tokens" in text
    assert "| NO | unknown\\_tag | quarantine | 2 | 2 | &lt;script&gt;" in text
    assert text.index("a\\|b") < text.index("| rare |")
    assert "| a\\|b | 600 (75.0%) | 100 (12.5%) | 0 (0.0%) |" in text
    assert corpus_markdown(replace(profile, accepted=False), {}).startswith("# Refused\n")


@pytest.fixture
def quarantine(tmp_path: Path) -> Path:
    rows = [
        {
            "row": row,
            "reasons": ["over_long", "empty_token"],
            "sequence_id": f"s{row}\x1b[2J",
            "document_id": "d",
            "split": None,
            "tokens": ["a" * 50, "b" * 50, None],
            "tags": None,
            "defect": None,
        }
        for row in range(150)
    ]
    schema = quarantine_schema(corpus_schema())
    file = tmp_path / "quarantine.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), file)
    return file


def test_the_first_quarantined_sequences_are_rows_of_text(quarantine):
    rows = quarantine_rows(quarantine, most=100, finding=lambda row: f"[{row['row']}](http://evil)")

    assert len(rows) == 100
    assert rows[7]["row"] == 7
    assert rows[7]["refused by"] == "over_long, empty_token"
    assert rows[7]["what is wrong"] == "[7](http://evil)"
    assert "| over\\_long, empty\\_token | \\[7\\](http\\://evil) |" in record_table(rows, empty="")
    assert rows[7]["tokens"] == 3
    assert len(rows[7]["begins"]) == 80
    assert "\x1b" not in record_table(rows, empty="")


def test_an_empty_quarantine_has_no_rows(tmp_path):
    pq.write_table(quarantine_schema(corpus_schema()).empty_table(), tmp_path / "quarantine.parquet")

    assert quarantine_rows(tmp_path / "quarantine.parquet", finding=str) == []


def test_scores_are_rows_with_interval_and_support(metrics):
    whole, first, hostile, _ = score_rows(metrics)

    assert whole == {
        "what": "token accuracy", "support": "100 gold tokens", "documents": "8", "score": "93.0%",
        "95% interval": "91.0 to 95.0%", "precision": "–", "recall": "–",  # noqa: RUF001
        "champion": "91.0% (89.0 to 93.0%)",
    }  # fmt: skip
    assert first["support"] == "60 gold tokens"
    assert hostile["what"] == "F1 of <script>alert(1)</script>"
    assert {row["champion"] for row in score_rows(replace(metrics, champion=None))} == {"–"}  # noqa: RUF001


def test_overall_span_scores_have_precision_and_recall(span_metrics):
    whole, *types = score_rows(span_metrics)

    assert (whole["what"], whole["support"]) == ("span F1", "100 gold spans")
    assert whole["precision"] == "55.0% (53.0 to 57.0%)"
    assert [(row["what"], row["support"]) for row in types] == [
        ("F1 of PER", "20 gold spans"),
        ("F1 of LOC", "10 gold spans"),
    ]


def test_the_score_card_lists_scores_and_confusions_with_all_markup_escaped(metrics):
    text = score_markdown(metrics)

    assert "| F1 of &lt;script&gt;alert(1)&lt;/script&gt; | 40 gold tokens | 8 | 83.0% |" in text
    assert text.endswith(
        "## Most frequent confusions\n\n| gold | predicted | tokens | of the gold tag |\n"
        "| --- | --- | --- | --- |\n"
        "| &lt;script&gt;alert(1)&lt;/script&gt; | browsing | 4 | 10.0% |\n"
        "| browsing | &lt;script&gt;alert(1)&lt;/script&gt; | 2 | 3.3% |\n"
        "| browsing | PRP\\$ | 1 | 1.7% |\n"
    )
