from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from seqtag.serving.served_version import served_version


class Model:
    """A model of person names that gives its predictor to whoever asks for its app."""

    columns = ("tokens",)

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        answers = {
            "tags": [["B-PER", "I-PER", "O"], []],
            "confidence": [[0.5, 0.75, 1.0], []],
            "span_confidence": [[0.25, 0.25, 1.0], []],
        }
        return pd.DataFrame(answers, index=frame.index)

    def app(self, predict: Any) -> Any:
        return predict


FRAME = pd.DataFrame({"tokens": [["Ada", "Byron", "spoke"], []]}, index=[7, 3])


def answers(scheme: str, observed: list[pd.DataFrame] | None = None) -> pd.DataFrame:
    model: Any = Model()
    output_scheme: Any = scheme
    observers = [] if observed is None else [lambda _, found: observed.append(found)]
    answer: Any = served_version(
        model, "x", "1", output_scheme=output_scheme, observers=observers, observe_batch=lambda _: None
    ).app
    found: pd.DataFrame = answer(FRAME)
    return found


def test_tags_with_a_scheme_are_answered_with_their_spans() -> None:
    found = answers("IOB2")
    assert found.index.tolist() == [7, 3]
    span = {"type": "PER", "start": 0, "stop": 2, "confidence": 0.25}
    assert found["predicted_spans"].tolist() == [[span], []]
    assert list(found.columns) == ["tags", "confidence", "predicted_spans"]


def test_tags_without_a_scheme_have_no_spans() -> None:
    assert list(answers("none").columns) == ["tags", "confidence"]


def test_an_observer_that_fails_costs_no_answer() -> None:
    def fail(*_: Any) -> None:
        raise OSError("disk")

    model: Any = Model()
    scheme: Any = "none"
    answer: Any = served_version(
        model, "x", "1", output_scheme=scheme, observers=[fail], observe_batch=lambda _: None
    ).app
    assert len(answer(FRAME)) == 2


def test_observers_see_the_answers() -> None:
    observed: list[pd.DataFrame] = []
    answers("IOB2", observed)
    (found,) = observed
    pd.testing.assert_frame_equal(found, answers("IOB2"))


@pytest.mark.parametrize("scheme", ["IOB2", "none"])
def test_a_model_of_an_earlier_version_is_answered_as_it_is(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Model, "predict", lambda *_: pd.DataFrame({"tags": [["O"], []], "confidence": [[1.0], []]})
    )
    assert list(answers(scheme).columns) == ["tags", "confidence"]
