"""Requests that are joined into one prediction, by a model that waits until all have arrived."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pandas as pd
import pytest

from seqtag.serving.micro_batches import MicroBatches


class Lengths:
    """A model that tags each token with its length, refuses "bad", and can be held up."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.may_answer, self.was_asked = threading.Event(), threading.Event()
        self.may_answer.set()

    def __call__(self, frame: pd.DataFrame) -> pd.DataFrame:
        self.sizes.append(len(frame))
        self.was_asked.set()
        self.may_answer.wait(10)
        for row, tokens in enumerate(frame["tokens"]):
            if "bad" in tokens:
                raise ValueError(f"row {row}: bad")
        return pd.DataFrame({"tags": [[str(len(t)) for t in tokens] for tokens in frame["tokens"]]})


def frame(*sequences: list[str], index: Any = None) -> pd.DataFrame:
    return pd.DataFrame({"tokens": list(sequences)}, index=index)


def while_busy(model: Lengths, *requests: pd.DataFrame) -> list[Future[pd.DataFrame]]:
    """Return the answers to requests that all arrive while the model answers another one."""
    batches = MicroBatches(model)
    model.may_answer.clear()
    with ThreadPoolExecutor(len(requests) + 1) as threads:
        first = threads.submit(batches.predict, frame(["a"]))
        assert model.was_asked.wait(10)
        answers = []
        for n, request in enumerate(requests, start=1):
            answers.append(threads.submit(batches.predict, request))
            while len(batches._waiting) < n:
                threading.Event().wait(0.001)
        model.may_answer.set()
    assert first.result()["tags"].tolist() == [["1"]]
    return answers


def test_requests_that_wait_are_answered_by_one_prediction() -> None:
    model = Lengths()
    answers = while_busy(model, frame(["a"], ["bb", "c"]), frame(), frame(["ddd"]))
    assert [answer.result()["tags"].tolist() for answer in answers] == [[["1"], ["2", "1"]], [], [["3"]]]
    assert model.sizes == [1, 3]


def test_each_answer_has_the_index_of_its_request() -> None:
    answers = while_busy(Lengths(), frame(["a"], ["b"], index=[7, 7]), frame(["c"], index=["x"]))
    assert [answer.result().index.tolist() for answer in answers] == [[7, 7], ["x"]]


def test_an_invalid_request_gets_its_error_and_the_others_get_their_answers() -> None:
    answers = while_busy(Lengths(), frame(["a"]), frame(["ok"], ["bad"]), frame(["bb"]))
    assert answers[0].result()["tags"].tolist() == [["1"]]
    with pytest.raises(ValueError, match="row 1: bad"):
        answers[1].result()
    assert answers[2].result()["tags"].tolist() == [["2"]]


def test_a_model_that_loses_a_row_fails_each_request_and_no_answer_is_mixed_up() -> None:
    model = Lengths()
    whole = model.__call__
    batches = MicroBatches(lambda frame: whole(frame).iloc[1:])
    for _ in range(2):
        with pytest.raises(RuntimeError, match="model returned 1 answers to 2 sequences"):
            batches.predict(frame(["a"], ["b"]))


def test_a_prediction_has_at_most_256_sequences_or_one_request() -> None:
    model = Lengths()
    large, small = frame(*[["a"]] * 300), frame(*[["b"]] * 200)
    answers = while_busy(model, large, small, small, frame(["c"]))
    assert [len(answer.result()) for answer in answers] == [300, 200, 200, 1]
    assert model.sizes == [1, 300, 200, 201]
