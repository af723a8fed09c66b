"""Sequences that two models tag differently."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqtag.errors import RunDirError
from seqtag.evaluation.sequence_changes import TypeChanges, changes_by_type, sequence_changes
from tests.unit.conftest import WritePredictions

GOLD = [
    ("a b c", "B-X I-X O", "B-X I-X O"),
    ("d e", "B-X O", "B-X O"),
    ("f g", "B-Y O", "O O"),
    ("h i", "O B-X", "O O"),
    ("k l", "O O", "O O"),
]
NOW = [
    ("a b c", "B-X I-X O", "B-X O O"),  # a span is lost, and one of another length is new
    ("d e", "B-X O", "B-X O"),
    ("f g", "B-Y O", "B-Y O"),
    ("h i", "O B-X", "O B-Y"),  # still wrong, in another way
    ("k l", "O O", "B-X O"),
]
SURE = ["0.9 0.6 0.9", "1 1", "1 1", "1 0.8", "0.7 1"]


@pytest.fixture
def files(write_predictions: WritePredictions) -> tuple[Path, Path]:
    return write_predictions("before", GOLD), write_predictions("now", NOW, confidence=SURE)


def test_the_most_confident_new_error_comes_first(files: tuple[Path, Path]) -> None:
    found = sequence_changes(*files)

    assert found.n_compared == 5
    assert (found.n_relabelled, found.n_only_before, found.n_only_now) == (0, 0, 0)
    assert found.table["sequence_id"].to_pylist() == ["s4", "s0", "s2", "s3"]
    assert found.table["n_lost"].to_pylist() == [1, 1, 0, 0]
    assert found.table["n_gained"].to_pylist() == [0, 0, 1, 0]
    assert found.table["surest_error"].to_pylist() == [pytest.approx(0.7), pytest.approx(0.6), None, None]
    assert found.newly_wrong["sequence_id"].to_pylist() == ["s4", "s0"]
    assert found.newly_right["sequence_id"].to_pylist() == ["s2"]
    row = found.table.slice(1, 1).to_pylist()[0]
    assert (row["tokens"], row["tags"]) == (["a", "b", "c"], ["B-X", "I-X", "O"])
    assert (row["before"], row["now"]) == (["B-X", "I-X", "O"], ["B-X", "O", "O"])


def test_spans_are_counted_by_type(files: tuple[Path, Path]) -> None:
    assert changes_by_type(sequence_changes(*files), "IOB2") == [
        TypeChanges("X", newly_found=0, newly_missed=1, new_false_positives=2, removed_false_positives=0),
        TypeChanges("Y", newly_found=1, newly_missed=0, new_false_positives=1, removed_false_positives=0),
    ]


def test_tokens_are_counted_by_tag_without_a_scheme(files: tuple[Path, Path]) -> None:
    found = changes_by_type(sequence_changes(*files), "none")
    assert found == [
        TypeChanges("I-X", newly_found=0, newly_missed=1, new_false_positives=0, removed_false_positives=0),
        TypeChanges("O", newly_found=0, newly_missed=1, new_false_positives=1, removed_false_positives=2),
        TypeChanges("B-Y", newly_found=1, newly_missed=0, new_false_positives=1, removed_false_positives=0),
        TypeChanges("B-X", newly_found=0, newly_missed=0, new_false_positives=1, removed_false_positives=0),
    ]


def test_sequences_are_matched_by_id_and_tokens_whatever_their_order(
    write_predictions: WritePredictions, tmp_path: Path
) -> None:
    before = write_predictions("before", GOLD)
    shuffled = pq.read_table(write_predictions("now", NOW)).take(pa.array([4, 2, 0, 1]))
    pq.write_table(shuffled, tmp_path / "shuffled.parquet", row_group_size=1)

    found = sequence_changes(before, tmp_path / "shuffled.parquet")

    assert (found.n_compared, found.n_only_before, found.n_only_now) == (4, 1, 0)
    rows = {row["sequence_id"]: row for row in found.table.to_pylist()}
    assert set(rows) == {"s0", "s2", "s4"}
    assert (rows["s2"]["before"], rows["s2"]["now"]) == (["O", "O"], ["B-Y", "O"])


def test_relabelled_sequences_are_counted_and_not_compared(write_predictions: WritePredictions) -> None:
    relabelled = [("a b c", "B-Y I-Y O", "O O O"), *NOW[1:]]
    found = sequence_changes(
        write_predictions("before", GOLD), write_predictions("now", relabelled, drop=["confidence"])
    )
    assert (found.n_compared, found.n_relabelled) == (4, 1)
    assert found.table["sequence_id"].to_pylist() == ["s4", "s2", "s3"]
    assert found.table["surest_error"].null_count == 3


def test_tokens_with_an_unknown_gold_tag_are_neither_right_nor_wrong(
    write_predictions: WritePredictions, tmp_path: Path
) -> None:
    files = []
    for name, sequences in (("before", GOLD), ("now", NOW)):
        table = pq.read_table(write_predictions(name, sequences))
        tags = table["tags"].to_pylist()
        tags[4][0] = None
        at = table.column_names.index("tags")
        files.append(tmp_path / f"{name}-partial.parquet")
        pq.write_table(table.set_column(at, "tags", pa.array(tags, pa.list_(pa.string()))), files[-1])

    found = sequence_changes(*files)

    assert found.newly_wrong["sequence_id"].to_pylist() == ["s0"]
    assert changes_by_type(found, "IOB2")[0] == TypeChanges("X", 0, 1, 1, 0)


def test_equal_predictions_give_an_empty_table(write_predictions: WritePredictions) -> None:
    found = sequence_changes(write_predictions("before", GOLD), write_predictions("now", GOLD))
    assert (found.n_compared, found.table.num_rows) == (5, 0)
    assert changes_by_type(found, "IOB2") == changes_by_type(found, "none") == []


def test_a_damaged_file_is_an_error_with_its_path(files: tuple[Path, Path], tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.parquet"
    damaged.write_bytes(files[0].read_bytes()[:-9])
    with pytest.raises(RunDirError, match=r"damaged\.parquet: predictions cannot be read"):
        sequence_changes(files[1], damaged)


def test_tags_can_be_written_as_in_the_corpus(files: tuple[Path, Path], tmp_path: Path) -> None:
    partial = pq.read_table(files[1])
    tags = [None if tag == "O" else tag for tag in partial["tags"].to_pylist()[0]]
    gold = pa.array([tags, *partial["tags"].to_pylist()[1:]], pa.list_(pa.string()))
    for path in files:
        table = pq.read_table(path)
        pq.write_table(table.set_column(table.column_names.index("tags"), "tags", gold), path)

    found = sequence_changes(*files).renamed(str.lower).table.to_pylist()

    assert found[1]["tags"] == ["b-x", "i-x", None]
    assert (found[1]["before"], found[1]["now"]) == (["b-x", "i-x", "o"], ["b-x", "o", "o"])
