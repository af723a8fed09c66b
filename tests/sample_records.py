"""Records of a small retraining, as the steps write them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from seqtag.config import SPLITS, SchemeName
from seqtag.corpus import CorpusChanges, Profile, SizeChange, SplitChanges
from seqtag.corpus.corpus_profile import (
    Ambiguity,
    AmbiguousShare,
    ExpectationCounts,
    QuarantineSize,
    SchemeChoice,
    SplitOrigins,
    SplitSize,
)
from seqtag.evaluation import EpochRecord, Interval, Metrics, Scores, TrainingHistory
from seqtag.evaluation.scores import ConfusionMatrix
from seqtag.gate import Decision

UNKNOWN = Interval(None, None, None, support=0, documents=0)


def sample_interval(value: float, low: float, high: float, *, support: int = 40) -> Interval:
    return Interval(value, low, high, support=support, documents=support)


def sample_scores(score: Interval) -> Scores:
    """Scores of a model of tags without a scheme."""
    return Scores(
        score=score,
        accuracy=score,
        span_f1=None,
        spans=None,
        tags={},
        confusion=ConfusionMatrix([], []),
        slices=[],
        calibration=None,
    )


def sample_metrics(challenger: Interval | Scores, champion: Interval | Scores | None = None) -> Metrics:
    def scores(of: Interval | Scores) -> Scores:
        return sample_scores(of) if isinstance(of, Interval) else of

    return Metrics(
        metric="accuracy",
        scheme="none",
        n_sequences=40,
        n_documents=40,
        n_tokens=400,
        n_untagged=0,
        resamples=1000,
        confidence=0.95,
        challenger=scores(challenger),
        champion=None if champion is None else scores(champion),
        champion_version=None if champion is None else "1",
        baseline=None,
        baseline_name=None,
        baseline_difference=None,
    )


def sample_decision(**changed: Any) -> Decision:
    """Decision on a first model."""
    decision = Decision(
        verdict="PROMOTE",
        sentence="0.750 reaches the floor of 0.500.",
        metric="accuracy",
        challenger=0.75,
        champion=None,
        champion_version=None,
        is_champion_retrained=False,
        difference=None,
        standard_error=None,
        bound=None,
        p_better=None,
        p_value=None,
        margin=0.0,
        floor=0.5,
        confidence=0.95,
        resamples=1000,
        level=0.0,
        noise=None,
        noise_source="",
        gauge=None,
        recent=None,
        n_sequences=40,
        n_documents=40,
        n_left_out=0,
        rules=[],
        would_pass=[],
        guards=[],
    )
    return replace(decision, **changed)


def sample_history(*epochs: tuple[float, float]) -> TrainingHistory:
    """Loss and dev score of each epoch."""
    return TrainingHistory(
        [
            EpochRecord(
                epoch=number,
                loss=loss,
                dev_score=score,
                dev_accuracy=score,
                seconds=1.0,
                tokens_per_second=1000.0,
                learning_rate=0.001,
            )
            for number, (loss, score) in enumerate(epochs, 1)
        ]
    )


def sample_profile(scheme: SchemeName) -> Profile:
    """Profile of an accepted corpus without violations."""
    split = SplitSize(n_sequences=80, n_tokens=800, n_types=37, longest=60, mean_length=10.0, unlabelled=0)
    none = AmbiguousShare(n_sequences=0, n_received=80, share=0.0, n_tokens=0, token_share=0.0)
    return Profile(
        accepted=True,
        sentence="accepted: 80 train, 80 dev, 80 test sequences",
        scheme=SchemeChoice(declared="auto", detected=scheme, used=scheme, reason="declared"),
        splits={"train": split, "dev": split, "test": split},
        split_origins=SplitOrigins(sentence="no split is split off", splits=[]),
        ambiguity=Ambiguity("none", left_out=False, corpus=none, train=none, dev=none, test=none),
        quarantined=QuarantineSize(n_sequences=0, share=0.0, budget=0.02, by_rule={}),
        rules=[],
        expectations=ExpectationCounts(defined=0, evaluated=0, failed=0),
        tags={},
    )


def sample_corpus_changes(**changed: Any) -> CorpusChanges:
    """Changes since version 3: a source has grown, another is new, and spans of LOC became rarer in test."""
    same = SizeChange(50, 50)
    changes = CorpusChanges(
        since="2026-01-01-a-b",
        version="3",
        splits={name: SplitChanges(1300, 1302, 4, 2, 0, 17) for name in SPLITS},
        sources={"a.conll": SizeChange(1000, 1012), "b.conll": SizeChange(0, 7), "c.conll": SizeChange(9, 9)},
        unit="span",
        types={
            "PER": {"train": same, "dev": same, "test": SizeChange(60, 75)},
            "LOC": {"train": same, "dev": same, "test": SizeChange(40, 25)},
        },
        new_documents=1,
        removed_documents=2,
    )
    return replace(changes, **changed)
