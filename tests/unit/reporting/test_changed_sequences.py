"""Changed sequences as text, as a page and as files."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from seqtag.errors import ConfigError
from seqtag.evaluation import changes_by_type, sequence_changes
from seqtag.reporting import ChangesView, changes_text, changes_view, write_changes
from tests.unit.conftest import WritePredictions

WORDS = "Anna met Bob in far away Rome last week"
GOLD = "B-PER O B-PER O O O B-LOC O O"
HOSTILE = "<script>alert(1)</script>\x1b[31m"


@pytest.fixture
def view(write_predictions: WritePredictions) -> ChangesView:
    before = [(WORDS, GOLD, GOLD), (HOSTILE, "O", "B-PER"), ("x y", "O O", "B-PER O")]
    now = [(WORDS, GOLD, "O O B-PER O O O B-PER O O"), (HOSTILE, "O", "O"), ("x y", "O O", "B-LOC O")]
    sure = ["0.6 1 1 1 1 1 0.9 1 1", "1", "1 1"]
    changes = sequence_changes(
        write_predictions("before", before), write_predictions("now", now, confidence=sure)
    )
    by_type = changes_by_type(changes, "IOB2")
    return changes_view(changes, by_type, before="version 1", now="run 2", unit="span", most=5)


def test_the_text_shows_the_passages_around_changed_tokens(view: ChangesView) -> None:
    assert changes_text(view) == "\n".join(
        [
            "before: version 1, now: run 2",
            "3 test sequences compared: 1 with newly wrong tokens, 1 with newly right ones only, 1 sequence "
            "wrong in another way.",
            "",
            "  spans  newly found  newly missed  false positives: new  removed",
            "  LOC              0             1                     1        0",
            "  PER              0             1                     1        2",
            "",
            "Newly wrong, most confident first: 1 of 1",
            "",
            "  s0   confidence 90.0%",
            "      token  gold   before  now",
            "    - Anna   B-PER  B-PER   O",
            "      met    O      O       O",
            "      Bob    B-PER  B-PER   B-PER",
            "      ...",
            "      far    O      O       O",
            "      away   O      O       O",
            "    - Rome   B-LOC  B-LOC   B-PER",
            "      last   O      O       O",
            "      week   O      O       O",
            "",
            "Newly right: 1 of 1",
            "",
            "  s1",
            "      token                           gold  before  now",
            "    + <script>alert(1)</script> [31m  O     B-PER   O",
        ]
    )


def test_the_page_escapes_what_the_corpus_contains(view: ChangesView, tmp_path: Path) -> None:
    write_changes(view, tmp_path / "diff.html")
    page = (tmp_path / "diff.html").read_text("utf-8")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script" not in page
    assert '<td class="no mark">B-PER</td>' in page


@pytest.mark.parametrize("name", ["changes.jsonl", "changes.parquet"])
def test_files_have_every_changed_sequence(view: ChangesView, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_changes(view, path)
    rows = (
        [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        if path.suffix == ".jsonl"
        else pq.read_table(path).to_pylist()
    )
    assert [row["sequence_id"] for row in rows] == ["s0", "s1", "s2"]
    assert rows[0]["tokens"] == WORDS.split()
    assert rows[0]["now"] == ["O", "O", "B-PER", "O", "O", "O", "B-PER", "O", "O"]


def test_without_changes_the_file_is_empty(write_predictions: WritePredictions, tmp_path: Path) -> None:
    path = write_predictions("same", [(WORDS, GOLD, GOLD)])
    view = changes_view(sequence_changes(path, path), [], before="a", now="b", unit="span", most=5)
    write_changes(view, tmp_path / "changes.jsonl")
    assert (tmp_path / "changes.jsonl").read_bytes() == b""
    assert changes_text(view).endswith(
        "1 test sequence compared: 0 with newly wrong tokens, 0 with newly right ones only."
    )


def test_another_ending_is_an_error(view: ChangesView, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"format of changes\.csv is unknown"):
        write_changes(view, tmp_path / "changes.csv")
    assert not list(tmp_path.glob("changes.*"))
