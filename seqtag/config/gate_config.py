"""`[evaluate]` and `[gate]`: scores of a model, and the conditions of its promotion."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from seqtag.config.toml_table import Table

Metric = Literal["accuracy", "span_f1"]


class EvaluateConfig(Table):
    """Evaluation on the test split."""

    slices: tuple[str, ...] = Field(
        default=(), description="further columns of the corpus, or categories of features.columns"
    )
    length_buckets: tuple[int, ...] = Field(
        default=(10, 25, 50), description="upper bounds, tokens; the last bucket is open"
    )
    resamples: int = Field(default=1000, ge=100, description="of the bootstrap over documents")
    confidence: float = Field(default=0.95, gt=0.5, lt=1, description="of intervals")
    baseline: Literal["none", "crfsuite-ap", "crfsuite-lbfgs"] = Field(
        default="none", description="does not affect the gate"
    )


class GateConfig(Table):
    """Conditions of a promotion. Scores are in [0, 1]; a ratio of 0 means no limit.

    Among `horizon` comparisons with new evidence, the probability that any promotion is no improvement is at
    most `false_promotions`. The default of 365 comparisons is a year of daily retrainings.
    """

    metric: Literal["auto"] | Metric = Field(
        default="auto", description="auto: span_f1 if tags have a scheme, else accuracy"
    )
    margin: float = Field(default=0.0, ge=0, lt=1, description="minimum improvement over the champion")
    floor: float = Field(default=0.1, ge=0, le=1, description="minimum score of the first model")
    horizon: int = Field(default=365, ge=1, description="comparisons that share false_promotions")
    false_promotions: float = Field(
        default=0.05,
        gt=0,
        lt=0.5,
        description="probability that any promotion within horizon is no improvement",
    )
    improvement: float = Field(
        default=0.003, gt=0, lt=1, description="worth detecting; sets the planned size of test"
    )
    confidence: float = Field(
        default=0.95, gt=0.5, lt=1, description="of intervals, rejections and guardrails"
    )
    resamples: int = Field(default=2000, ge=100, description="of the bootstrap and of randomization")
    retraining_noise: float | None = Field(
        default=None,
        ge=0,
        lt=1,
        description="standard deviation of the score between equally good retrainings; default: estimated "
        "from earlier runs of the same configuration, 0.001 if there are none",
    )
    guard_margin: float = Field(default=0.02, ge=0, le=1, description="allowed loss of a type, tag or slice")
    min_support: int = Field(
        default=50, ge=1, description="of a guarded type (spans), tag (tokens) or slice (sequences)"
    )
    max_seen: float = Field(
        default=0.2, ge=0, le=1, description="share of test that only the champion was trained on"
    )
    min_new: float = Field(
        default=0.1, ge=0, le=1, description="share of test that the challenger was not trained on"
    )
    retrain_champion: bool = Field(
        default=True,
        description="above max_seen: true: compare with the champion's recipe, retrained; false: hold",
    )
    new_tags: Literal["allow", "hold"] = Field(
        default="allow", description="tags or types unknown to the champion"
    )
    removed_tags: Literal["allow", "hold"] = Field(
        default="hold", description="tags or types unknown to the challenger"
    )
    renamed_tags: dict[str, str] = Field(
        default_factory=dict, description="new name by the champion's type (or tag)"
    )
    max_size_ratio: float = Field(
        default=2.0, ge=0, description="size of the bundle, relative to the champion's"
    )
    max_latency_ratio: float = Field(
        default=3.0, ge=0, description="CPU time of tagging, relative to the champion's"
    )
    max_memory_ratio: float = Field(
        default=2.0, ge=0, description="peak memory of tagging, relative to the champion's"
    )
