"""Split scores: slices, both models, and files that do not match."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from seqtag.config import EvaluateConfig
from seqtag.errors import RunDirError
from seqtag.evaluation import evaluate, evaluate_predictions, predictions, slices
from seqtag.evaluation.prf import Interval
from seqtag.evaluation.split_scores import Metrics
from seqtag.tagging import Spelling

WritePredictions = Callable[..., Path]

CONFIG = EvaluateConfig(resamples=100, length_buckets=(2, 3), slices=("genre",))

TRAIN = [("ann met bob", "B-PER O B-PER", "O O O"), ("in new york", "O B-LOC I-LOC", "O O O")]

# Spans in train: ann/PER seen, new york/LOC seen, york/LOC unseen (longer in train), ann/LOC unseen (other
# type), zed/PER unseen.
TEST = [
    ("ann sleeps", "B-PER O", "B-PER O"),
    ("new york ZED", "B-LOC I-LOC B-PER", "B-LOC I-LOC O"),
    ("york", "B-LOC", "O"),
    ("ann MET ann too", "B-LOC O B-PER O", "B-PER O B-PER B-PER"),
]
GENRES = ["news", "mail", "news", None]


@pytest.fixture
def files(write_predictions: WritePredictions) -> dict[str, Path]:
    champion = [(words, gold, "O " * len(words.split())) for words, gold, _ in TEST]
    return {
        "train": write_predictions("train", TRAIN),
        "challenger": write_predictions("challenger", TEST, genre=GENRES),
        "champion": write_predictions("champion", champion, genre=GENRES),
    }


def judge(files: dict[str, Path], **changes: Any) -> Metrics:
    arguments = {
        "champion": files.get("champion"),
        "train": files["train"],
        "scheme": "IOB2",
        "config": CONFIG,
        "metric": "span_f1",
        "seed": 1,
        "champion_version": "3",
        **changes,
    }
    return evaluate_predictions(files["challenger"], **arguments)


def replace_slices(*names: str) -> EvaluateConfig:
    return CONFIG.model_copy(update={"slices": names})


def the_slice(scores: Any, name: str, value: str) -> Any:
    (found,) = [s for s in scores.slices if (s.slice, s.value) == (name, value)]
    return found


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


def test_slices_by_length(files: dict[str, Path]) -> None:
    scores = judge(files).challenger
    assert [s.value for s in scores.slices if s.slice == "length"] == ["1-2", "3", "4+"]
    short = the_slice(scores, "length", "1-2")
    assert (short.n_sequences, short.n_tokens) == (2, 3)
    assert short.accuracy.value == 2 / 3
    assert short.span_f1.value == 2 / 3  # 2 gold, 1 predicted, 1 right
    assert short.span_f1.support == 2


def test_slices_by_unknown_token(files: dict[str, Path]) -> None:
    scores = judge(files).challenger
    having = the_slice(scores, "unknown token", "with")
    assert (having.n_sequences, having.n_tokens) == (2, 7)
    assert having.accuracy.value == 4 / 7
    assert the_slice(scores, "unknown token", "without").n_tokens == 3


def test_slices_by_a_column_with_missing_values(files: dict[str, Path]) -> None:
    scores = judge(files).challenger
    values = {s.value: s.n_sequences for s in scores.slices if s.slice == "genre"}
    assert values == {"news": 2, "(missing)": 1, "mail": 1}
    assert the_slice(scores, "genre", "mail").span_recall.value == 0.5


def test_slices_by_a_column_of_tokens(files: dict[str, Path], write_predictions: WritePredictions) -> None:
    """Gold spans begin at ann, new, ZED, york, ann, ann; predicted ones at ann, new, ann, ann, too."""
    hosts = [["web", "api"], ["api", None, "web"], None, ["web", "api", "api", "web"]]
    files["challenger"] = write_predictions("challenger", TEST, genre=GENRES, host=hosts)
    config = replace_slices("genre", "host")
    scores = judge(files, champion=None, config=config).challenger
    web, api, missing = (the_slice(scores, "host", value) for value in ("web", "api", "(missing)"))
    assert [s.value for s in scores.slices if s.slice == "host"] == ["api", "web", "(missing)"]
    # web: ann, ZED, ann, too; right: ann
    assert (web.n_sequences, web.n_tokens, web.accuracy.value, web.accuracy.support) == (3, 4, 0.25, 4)
    assert (web.span_recall.value, web.span_recall.support) == (1 / 3, 3)  # ann, ZED, ann
    assert (web.span_f1.value, web.span_f1.support, web.span_f1.documents) == (2 * 1 / (3 + 3), 3, 3)
    # api: sleeps, new, MET, ann; all right
    assert (api.n_sequences, api.n_tokens, api.accuracy.value) == (3, 4, 1)
    assert (api.span_f1.value, api.span_f1.support) == (1, 2)  # new york, ann
    # missing: york in "new york", and all of "york"
    assert (missing.n_sequences, missing.n_tokens, missing.accuracy.value) == (2, 2, 0.5)
    assert (missing.span_recall.value, missing.span_f1.support) == (0, 1)


def test_a_column_of_tokens_of_other_lengths_is_refused(
    files: dict[str, Path], write_predictions: WritePredictions
) -> None:
    hosts = [["web"], None, None, None]
    files["challenger"] = write_predictions("challenger", TEST, genre=GENRES, host=hosts)
    with pytest.raises(RunDirError, match="host: values do not match tokens: expected one each"):
        judge(files, champion=None, config=replace_slices("host"))


def test_slices_of_gold_spans_seen_in_train(files: dict[str, Path]) -> None:
    """Seen: ann/PER twice, new york/LOC, all found. Unseen: zed/PER, york/LOC, ann/LOC, none found."""
    scores = judge(files).challenger
    seen = the_slice(scores, "gold span", "seen in train")
    unseen = the_slice(scores, "gold span", "unseen in train")
    assert (seen.span_recall.value, seen.span_recall.support) == (1, 3)
    assert (unseen.span_recall.value, unseen.span_recall.support) == (0, 3)
    assert (seen.n_sequences, seen.n_tokens) == (3, 4)
    assert seen.accuracy.value == 1
    assert unseen.n_sequences == 3
    assert seen.span_f1 is None


def test_slices_by_repetition_of_train(files: dict[str, Path], write_predictions: WritePredictions) -> None:
    """`ann sleeps` and `york` repeat train: 2 of 3 tokens right; 4 of 7 in the others."""
    assert "sequence" not in {s.slice for s in judge(files).challenger.slices}
    files["challenger"] = write_predictions("challenger", TEST, genre=GENRES, seen=[True, False, True, False])
    scores = judge(files).challenger
    repeats, new = (the_slice(scores, "sequence", value) for value in ("repeats train", "new"))
    assert (repeats.n_sequences, repeats.accuracy.value) == (2, 2 / 3)
    assert (new.n_sequences, new.accuracy.value) == (2, 4 / 7)
    assert (repeats.accuracy.support, repeats.accuracy.documents) == (3, 2)


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


def test_without_a_scheme_there_is_no_slice_of_spans(files: dict[str, Path]) -> None:
    scores = judge(files, scheme="none", metric="accuracy").challenger
    assert {s.slice for s in scores.slices} == {"length", "unknown token", "genre"}


def test_rare_values_of_a_column_are_combined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "MOST_VALUES", 2)
    tags = pa.array([["O"]] * 6)
    scores = evaluate(
        tags,
        tags,
        scheme="IOB2",
        metric="accuracy",
        config=CONFIG,
        seed=1,
        columns={"genre": pa.array(["b", "c", "a", "a", "d", "c"])},
    )
    values = [(s.value, s.n_sequences) for s in scores.slices if s.slice == "genre"]
    assert values == [("a", 2), ("c", 2), ("(other)", 2)]


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


def test_a_test_split_without_spans_has_no_slice_of_spans(
    files: dict[str, Path], write_predictions: WritePredictions
) -> None:
    files["challenger"] = write_predictions("challenger", [("a b", "O O", "O B-X")], genre=["x"])
    scores = judge(files, champion=None).challenger
    assert scores.score.value == 0
    assert {s.slice for s in scores.slices} == {"length", "unknown token", "genre"}


SURE = ["0.5 0.75", "1 1 0.5", "0.25", "0.75 1 1 0.5"]


def test_tokens_are_calibrated_by_the_probability_of_their_tag(
    files: dict[str, Path], write_predictions: WritePredictions
) -> None:
    """6 of 10 tokens are right; the probabilities add up to 7.25."""
    files["challenger"] = write_predictions("challenger", TEST, genre=GENRES, confidence=SURE)
    calibration = judge(files).challenger.calibration
    assert calibration.tokens.support == 10
    assert calibration.tokens.gap.value == pytest.approx(0.725 - 0.6)
    assert calibration.spans is None


def test_spans_are_calibrated_by_their_own_probability(
    files: dict[str, Path], write_predictions: WritePredictions
) -> None:
    """Predicted: ann, new york, ann/PER (wrong), ann, too (wrong)."""
    of_spans = ["0.5 0.75", "1 1 0.5", "0.25", "0.75 1 1 0.5"]
    files["challenger"] = write_predictions(
        "challenger", TEST, genre=GENRES, confidence=SURE, span_confidence=of_spans
    )
    spans = judge(files).challenger.calibration.spans
    assert spans.support == 5
    assert spans.accuracy.value == 3 / 5
    assert spans.mean_confidence.value == (0.5 + 1 + 0.75 + 1 + 0.5) / 5


def test_a_champion_without_probabilities_is_scored_without_calibration(
    files: dict[str, Path], write_predictions: WritePredictions
) -> None:
    before = judge(files).champion
    champion = [(words, gold, "O " * len(words.split())) for words, gold, _ in TEST]
    files["champion"] = write_predictions("champion", champion, genre=GENRES, drop=["confidence"])
    metrics = judge(files)
    assert metrics.champion == replace(before, calibration=None)
    assert metrics.challenger.calibration.tokens.support == 10


def test_unlabelled_sequences_do_not_shift_the_probabilities_of_others(
    files: dict[str, Path], write_predictions: WritePredictions
) -> None:
    files["challenger"] = write_predictions("challenger", TEST, genre=GENRES, confidence=SURE)
    labelled = judge(files).challenger.calibration
    files["challenger"] = write_predictions(
        "challenger",
        [*TEST[:1], ("who knows", None, "B-PER O"), *TEST[1:]],
        genre=["x", *GENRES],
        confidence=[*SURE[:1], "0.1 0.2", *SURE[1:]],
        documents=["d0", "new", "d1", "d2", "d3"],
    )
    assert judge(files, champion=None).challenger.calibration == labelled


@pytest.mark.parametrize("probabilities", ["0.5 1.25", "nan 1", "-0.5 1"])
def test_a_probability_outside_0_and_1_is_rejected(
    files: dict[str, Path], write_predictions: WritePredictions, probabilities: str
) -> None:
    sure = [probabilities, *SURE[1:]]
    files["challenger"] = write_predictions("challenger", TEST, genre=GENRES, confidence=sure)
    with pytest.raises(RunDirError, match=r"confidence: probability is out of range: expected \[0, 1\]"):
        judge(files)


def test_a_probability_above_1_by_rounding_is_clipped(write_predictions: WritePredictions) -> None:
    path = write_predictions("challenger", [("a b", "O O", "O O")], confidence=["1.000001 0.5"])
    read = predictions.read_predictions(path, scheme="IOB2")
    assert read.confidence is not None
    assert read.confidence.tolist() == [1.0, 0.5]


def test_a_missing_probability_is_rejected(
    files: dict[str, Path], write_predictions: WritePredictions
) -> None:
    files["challenger"] = write_predictions("challenger", TEST, genre=GENRES, confidence=["1", *SURE[1:]])
    with pytest.raises(RunDirError, match="probabilities do not match tokens"):
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
