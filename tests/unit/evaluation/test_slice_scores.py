"""Split scores: slices of the test split."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from seqtag.errors import RunDirError
from seqtag.evaluation import evaluate, slices
from tests.unit.evaluation.scored_files import (
    CONFIG,
    GENRES,
    TEST,
    WritePredictions,
    judge,
    replace_slices,
    the_slice,
)


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


def test_a_test_split_without_spans_has_no_slice_of_spans(
    files: dict[str, Path], write_predictions: WritePredictions
) -> None:
    files["challenger"] = write_predictions("challenger", [("a b", "O O", "O B-X")], genre=["x"])
    scores = judge(files, champion=None).challenger
    assert scores.score.value == 0
    assert {s.slice for s in scores.slices} == {"length", "unknown token", "genre"}
