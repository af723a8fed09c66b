"""Predictions of two models on four sequences, and their scores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from seqtag.config import EvaluateConfig
from seqtag.evaluation import evaluate_predictions
from seqtag.evaluation.split_scores import Metrics

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
