"""A challenger that tags "b" differently, next to a champion that does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from seqtag.serving.metrics import ServingMetrics
from seqtag.serving.sequence_log import DISAGREEMENTS, SequenceLog
from seqtag.serving.shadow import Challenger, Shadow

SEQUENCES = [["a", "b"], ["a"], ["b", "b"]]


class Model:
    def __init__(self, version: str, tags: dict[str, str]) -> None:
        self.version, self.tags = version, tags

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        tags = [[self.tags[token] for token in tokens] for tokens in frame["tokens"]]
        answers = {"tags": tags, "confidence": [[0.5] * len(row) for row in tags]}
        return pd.DataFrame({**answers, "model_version": self.version}, index=frame.index)


CHAMPION: Any = Model("1", {"a": "X", "b": "Y"})
CHALLENGER: Any = Model("2", {"a": "X", "b": "Z"})
FAULTY: Any = Model("3", {})


@pytest.fixture
def metrics() -> ServingMetrics:
    return ServingMetrics()


@pytest.fixture
def log(tmp_path: Path) -> SequenceLog:
    return SequenceLog(tmp_path, DISAGREEMENTS)


def offered(shadow: Shadow) -> None:
    frame = pd.DataFrame({"tokens": SEQUENCES})
    shadow.offer(frame, CHAMPION.predict(frame))
    shadow._waiting.join()


def by_tag(metrics: ServingMetrics, name: str) -> Iterator[float | None]:
    return (metrics.registry.get_sample_value(name, {"tag": tag}) for tag in "XYZ")


def test_sequences_with_another_tag_are_logged_with_both(
    tmp_path: Path, metrics: ServingMetrics, log: SequenceLog
) -> None:
    shadow = Shadow(1.0, log, metrics)
    shadow.challenger = Challenger("2", CHALLENGER)
    offered(shadow)
    log.flush()
    both = {"model_version": "1", "challenger_version": "2"}
    assert pq.read_table(tmp_path).select([*DISAGREEMENTS.names]).to_pylist() == [
        {
            "tokens": ["a", "b"], "predicted": ["X", "Y"], "confidence": [0.5, 0.5],
            "challenger_predicted": ["X", "Z"], "challenger_confidence": [0.5, 0.5], **both,
        },
        {
            "tokens": ["b", "b"], "predicted": ["Y", "Y"], "confidence": [0.5, 0.5],
            "challenger_predicted": ["Z", "Z"], "challenger_confidence": [0.5, 0.5], **both,
        },
    ]  # fmt: skip
    assert list(by_tag(metrics, "seqtag_shadow_tokens_total")) == [2.0, 3.0, None]
    assert list(by_tag(metrics, "seqtag_shadow_disagreements_total")) == [None, 3.0, None]


def test_without_a_challenger_nothing_is_compared(metrics: ServingMetrics, log: SequenceLog) -> None:
    offered(Shadow(1.0, log, metrics))
    assert list(by_tag(metrics, "seqtag_shadow_tokens_total")) == [None, None, None]


def test_a_challenger_that_fails_is_counted_and_the_next_sample_is_compared(
    metrics: ServingMetrics, log: SequenceLog
) -> None:
    shadow = Shadow(1.0, log, metrics)
    shadow.challenger = Challenger("3", FAULTY)
    offered(shadow)
    assert metrics.registry.get_sample_value("seqtag_shadow_skipped_sequences_total") == 3
    shadow.challenger = Challenger("2", CHALLENGER)
    offered(shadow)
    assert list(by_tag(metrics, "seqtag_shadow_tokens_total")) == [2.0, 3.0, None]


def test_about_the_declared_share_is_sampled(metrics: ServingMetrics, log: SequenceLog) -> None:
    shadow = Shadow(0.25, log, metrics)
    shadow.challenger = Challenger("2", CHALLENGER)
    frame = pd.DataFrame({"tokens": [["a"]] * 1000})
    shadow.offer(frame, CHAMPION.predict(frame))
    shadow._waiting.join()
    (n_tokens, *_) = by_tag(metrics, "seqtag_shadow_tokens_total")
    assert n_tokens is not None
    assert 200 < n_tokens < 300
