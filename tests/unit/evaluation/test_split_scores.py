"""Split scores: both models, the baseline, and files that do not match."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from seqtag.config import EvaluateConfig
from seqtag.errors import RunDirError
from seqtag.evaluation import evaluate_predictions, predictions
from seqtag.evaluation.prf import Interval
from seqtag.tagging import Spelling
from tests.unit.evaluation.scored_files import (
    GENRES,
    TEST,
    WritePredictions,
    judge,
)


def test_both_models_are_scored_on_the_same_sequences(files: dict[str, Path]) -> None:
    """6 gold spans; the challenger predicts 5, 3 of them right."""
    metrics = judge(files)
    assert (metrics.n_sequences, metrics.n_tokens) == (4, 10)
    assert metrics.challenger.score.value == 2 * 3 / (6 + 5)
    assert metrics.champion.score.value == 0
    assert metrics.champion_version == "3"
    assert (metrics.metric, metrics.scheme) == ("span_f1", "IOB2")
    assert (metrics.resamples, metrics.confidence) == (100, 0.95)


def test_metrics_are_plain_json_and_reproducible_by_seed(files: dict[str, Path]) -> None:
    once = json.dumps(judge(files).content(), allow_nan=False)
    assert once == json.dumps(judge(files).content(), allow_nan=False)
    assert once != json.dumps(judge(files, seed=2).content(), allow_nan=False)


def test_without_a_champion_only_the_challenger_is_scored(files: dict[str, Path]) -> None:
    metrics = judge(files, champion=None, champion_version=None)
    assert metrics.champion is None
    assert metrics.challenger == judge(files).challenger


def test_a_test_split_of_one_document_gives_plain_json(write_predictions: WritePredictions) -> None:
    documents = ["all"] * 4
    ours = write_predictions("challenger", TEST, genre=GENRES, documents=documents)
    none = [(words, gold, "O " * len(words.split())) for words, gold, _ in TEST]
    baseline = write_predictions("baseline", none, genre=GENRES, documents=documents)
    for other in (baseline, ours):
        metrics = judge({"challenger": ours, "train": ours}, champion=None, baseline=other)
        json.dumps(metrics.content(), allow_nan=False)
        difference = metrics.baseline_difference
        assert (difference.low, difference.high, difference.documents) == (-1, 1, 1)


def test_unlabelled_sequences_are_left_out(
    write_predictions: WritePredictions, files: dict[str, Path]
) -> None:
    labelled = judge(files).challenger
    files["challenger"] = write_predictions(
        "challenger",
        [*TEST[:1], ("who knows", None, "B-PER O"), *TEST[1:]],
        genre=["x", *GENRES],
        documents=["d0", "new", "d1", "d2", "d3"],
    )
    metrics = judge(files, champion=None)
    assert metrics.n_sequences == 4
    assert metrics.challenger.spans == labelled.spans


def test_the_batch_size_of_reading_does_not_matter(
    files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = judge(files)
    monkeypatch.setattr(predictions, "_BATCH", 1)
    assert judge(files) == whole


def test_a_champion_on_other_sequences_is_rejected(
    files: dict[str, Path], write_predictions: WritePredictions
) -> None:
    files["champion"] = write_predictions("champion", TEST, genre=GENRES, first_row=7)
    with pytest.raises(RunDirError, match=r"sequences or gold tags differ from those of"):
        judge(files)


def test_a_champion_with_other_gold_tags_is_rejected(
    files: dict[str, Path], write_predictions: WritePredictions
) -> None:
    others = [("ann sleeps", "B-LOC O", "B-PER O"), *TEST[1:]]
    files["champion"] = write_predictions("champion", others, genre=GENRES)
    with pytest.raises(RunDirError, match=r"sequences or gold tags differ from those of"):
        judge(files)


def test_a_missing_column_is_named(files: dict[str, Path], write_predictions: WritePredictions) -> None:
    files["challenger"] = write_predictions("challenger", TEST, genre=GENRES, drop=["unknown"])
    with pytest.raises(RunDirError, match=r"challenger\.parquet: columns \['unknown'\] are missing"):
        judge(files)


def test_a_missing_file_is_named(files: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(RunDirError, match=r"gone\.parquet"):
        judge({**files, "challenger": tmp_path / "gone.parquet"})
    with pytest.raises(RunDirError, match=r"gone\.parquet: train split cannot be read"):
        judge(files, train=tmp_path / "gone.parquet")


def test_a_file_that_is_not_parquet_is_rejected(files: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "text.parquet").write_text("no parquet")
    with pytest.raises(RunDirError, match=r"text\.parquet"):
        judge({**files, "challenger": tmp_path / "text.parquet"})


def test_a_missing_predicted_tag_is_rejected(
    files: dict[str, Path], write_predictions: WritePredictions
) -> None:
    files["challenger"] = write_predictions("challenger", [("a b", "O O", "O")], genre=["x"])
    with pytest.raises(RunDirError, match="predicted tags do not match gold tags"):
        judge(files)


def test_a_train_split_with_a_missing_tag_is_rejected(
    files: dict[str, Path], write_predictions: WritePredictions
) -> None:
    files["train"] = write_predictions("train", [("ann met", "B-PER", "O")])
    with pytest.raises(RunDirError, match=r"train\.parquet: .*tokens and tags differ in length"):
        judge(files)


@pytest.fixture
def with_baseline(files: dict[str, Path], write_predictions: WritePredictions) -> dict[str, Path]:
    """A baseline that finds one of six spans and predicts no other."""
    tags = [TEST[0][1], "O O O", "O", "O O O O"]
    sequences = [(words, gold, t) for (words, gold, _), t in zip(TEST, tags, strict=True)]
    return files | {"baseline": write_predictions("baseline", sequences, genre=GENRES)}


def test_a_baseline_is_scored_on_the_same_sequences(with_baseline: dict[str, Path]) -> None:
    metrics = judge(with_baseline, baseline=with_baseline["baseline"], baseline_name="crfsuite")
    assert metrics.baseline.score.value == 2 / 7
    assert metrics.baseline_name == "crfsuite"
    assert metrics.champion == judge(with_baseline).champion


def test_the_difference_to_the_baseline_has_an_interval(with_baseline: dict[str, Path]) -> None:
    """6 / 11 against 2 / 7."""
    difference = judge(with_baseline, baseline=with_baseline["baseline"]).baseline_difference
    assert difference.value == pytest.approx(6 / 11 - 2 / 7)
    assert difference.low < difference.value < difference.high
    assert (difference.support, difference.documents) == (4, 4)


def test_an_equal_baseline_has_no_difference_in_any_resample(files: dict[str, Path]) -> None:
    difference = judge(files, baseline=files["challenger"]).baseline_difference
    assert difference == Interval(value=0, low=0, high=0, support=4, documents=4)


def test_without_a_baseline_its_metrics_are_none(files: dict[str, Path]) -> None:
    metrics = judge(files)
    assert metrics.baseline is None
    assert metrics.baseline_name is None
    assert metrics.baseline_difference is None


def test_the_difference_to_an_undefined_score_is_none(
    files: dict[str, Path], write_predictions: WritePredictions
) -> None:
    files["challenger"] = write_predictions("challenger", [("a", "O", "O")], genre=["x"])
    metrics = judge(files, champion=None, baseline=files["challenger"])
    assert metrics.baseline.score.value is None
    assert metrics.baseline_difference is None


def test_a_baseline_on_other_sequences_is_rejected(
    files: dict[str, Path], write_predictions: WritePredictions
) -> None:
    other = write_predictions("baseline", TEST, genre=GENRES, first_row=7)
    with pytest.raises(RunDirError, match=r"baseline\.parquet: sequences or gold tags differ"):
        judge(files, baseline=other)


def test_tags_are_scored_as_the_corpus_writes_them(write_predictions: WritePredictions) -> None:
    """S-PER and B-PER of IOBES are both B-PER in IOB2, so that they are not confused with each other."""
    file = write_predictions("challenger", [("a b c", "B-PER E-PER S-PER", "S-PER O S-PER")])
    metrics = evaluate_predictions(
        file,
        None,
        train=file,
        scheme="IOBES",
        config=EvaluateConfig(resamples=100),
        metric="span_f1",
        seed=1,
        written=partial(Spelling().written, scheme="IOB2"),
    )
    assert metrics.challenger.confusion.tags == ["B-PER", "I-PER", "O"]
    assert metrics.challenger.confusion.counts == [[2, 0, 0], [0, 0, 1], [0, 0, 0]]
    assert metrics.challenger.tags["B-PER"].f1.value == 1
    assert metrics.challenger.accuracy.value == pytest.approx(1 / 3)
    assert metrics.challenger.score.value == pytest.approx(1 / 2)
