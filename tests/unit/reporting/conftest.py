"""The records of a small run, with hostile names that a page must escape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqtag.corpus import BestPossible, Profile, corpus_schema
from seqtag.corpus.corpus_profile import (
    Ambiguity,
    AmbiguousShare,
    ExpectationCounts,
    QuarantineSize,
    RuleOutcome,
    SchemeChoice,
    SplitOrigins,
)
from seqtag.evaluation import Calibration, Interval, Metrics, Scores, TrainingHistory
from seqtag.evaluation.calibration import Bin, Largest, Reliability
from seqtag.evaluation.prf import Prf
from seqtag.evaluation.scores import ConfusionMatrix, SpanScores
from seqtag.evaluation.slices import SliceScores
from seqtag.gate import Decision, GateRule
from seqtag.gate.error_budget import Gauge
from seqtag.gate.guardrails import Guardrail
from seqtag.reporting import ReportContext, write_report
from tests.sample_records import sample_decision, sample_history, sample_metrics, sample_profile

HOSTILE = "<script>alert(1)</script>"


def interval(value: float | None, support: int = 100) -> Interval:
    low, high = (None, None) if value is None else (round(value - 0.02, 6), round(value + 0.02, 6))
    return Interval(value=value, low=low, high=high, support=support, documents=min(support, 8))


def prf(f1: float | None, support: int) -> Prf:
    same = interval(f1, support)
    return Prf(precision=same, recall=same, f1=same, support=support, predicted=support + 1)


def scores(accuracy: float) -> Scores:
    return Scores(
        score=interval(accuracy),
        accuracy=interval(accuracy),
        span_f1=None,
        spans=None,
        tags={"browsing": prf(accuracy, 60), HOSTILE: prf(accuracy - 0.1, 40), "PRP$": prf(None, 0)},
        calibration=None,
        confusion=ConfusionMatrix(
            tags=["browsing", HOSTILE, "PRP$"], counts=[[57, 2, 1], [4, 36, 0], [0, 0, 0]]
        ),
        slices=[
            SliceScores("length", "1-10", 4, 30, accuracy=interval(0.9), span_f1=None, span_recall=None),
            SliceScores("genre", HOSTILE, 6, 70, accuracy=interval(None), span_f1=None, span_recall=None),
        ],
    )


@pytest.fixture
def metrics() -> Metrics:
    metrics = sample_metrics(scores(0.93), scores(0.91))
    return replace(metrics, n_sequences=10, n_documents=8, n_tokens=100, champion_version="3")


@pytest.fixture
def span_metrics(metrics: Metrics) -> Metrics:
    """Metrics with spans of two types and a slice of gold spans."""

    def with_spans(of: Scores, f1: float) -> Scores:
        spans = SpanScores(
            micro=prf(f1, 30),
            macro=prf(f1 - 0.05, 30),
            types={"LOC": prf(f1, 10), "PER": prf(f1, 20)},
        )
        short = SliceScores(
            "length", "1-10", 4, 30, accuracy=interval(0.9), span_f1=interval(0.6), span_recall=interval(0.7)
        )
        unseen = SliceScores(
            "gold span",
            "unseen in train",
            4,
            30,
            accuracy=interval(0.9),
            span_f1=None,
            span_recall=interval(0.4),
        )
        return replace(
            of,
            spans={"conlleval": spans, "strict": spans},
            span_f1=interval(f1),
            score=interval(f1),
            slices=[short, unseen],
        )

    return replace(
        metrics,
        metric="span_f1",
        scheme="IOB2",
        challenger=with_spans(scores(0.93), 0.55),
        champion=with_spans(scores(0.91), 0.5),
    )


def reliability(sure: float, right: float, support: int = 100) -> Reliability:
    """Two bins: 4 tokens of low confidence, a quarter of them right, and all others."""
    return Reliability(
        support=support,
        mean_confidence=interval(sure, support),
        accuracy=interval(right, support),
        gap=interval(round(sure - right, 6), support),
        ece=interval(0.052, support),
        ece_equal_mass=interval(0.047, support),
        mce=Largest(value=0.15, support=4),
        brier=interval(0.08234, support),
        bins=[
            Bin(low=0.0, high=0.5, mean_confidence=0.4, accuracy=interval(0.25, 4)),
            Bin(low=0.5, high=1.0, mean_confidence=sure, accuracy=interval(right, support - 4)),
        ],
    )


@pytest.fixture
def sure_metrics(metrics: Metrics) -> Metrics:
    """Metrics with confidence: the challenger is 5 points overconfident, the champion 8."""
    return replace(
        metrics,
        challenger=replace(scores(0.93), calibration=Calibration(reliability(0.98, 0.93), spans=None)),
        champion=replace(scores(0.91), calibration=Calibration(reliability(0.99, 0.91), spans=None)),
    )


@pytest.fixture
def baseline_metrics(metrics: Metrics) -> Metrics:
    """Metrics with a baseline that is three points below."""
    return replace(
        metrics,
        baseline=scores(0.9),
        baseline_name="crfsuite",
        baseline_difference=Interval(value=0.03, low=0.012, high=0.048, support=10, documents=8),
    )


@pytest.fixture
def decision() -> Decision:
    return sample_decision(
        verdict="HOLD",
        sentence="HOLD: accuracy 93.0% against champion v3's 91.0% on 10 sequences.",
        challenger=0.93,
        champion=0.91,
        champion_version="3",
        difference=Interval(value=0.02, low=-0.01, high=0.05, support=10, documents=8),
        standard_error=0.012,
        bound=-0.04,
        p_better=0.88,
        p_value=0.24,
        margin=0.005,
        floor=0.0,
        level=0.05 / 365,
        noise=0.001,
        noise_source="assumed: no earlier runs of this configuration on this test split",
        gauge=Gauge(
            level=0.05 / 365,
            comparisons=41,
            horizon=365,
            spent=41 * 0.05 / 365,
            detectable=0.07,
            improvement=0.003,
            n_documents=8,
            good_for=0,
            documents=4300,
            to_double=None,
        ),
        n_sequences=10,
        n_documents=8,
        evidence="e" * 64,
        rules=[
            GateRule("the champion is scored", passed=True, detail="the champion has 91.0%", change=""),
            GateRule(
                "the difference clears the margin",
                passed=False,
                detail=f"not yet | {HOSTILE}",
                change="a difference above +3.50 points instead of +2.00",
            ),
        ],
        guards=[Guardrail(f"tag {HOSTILE}", difference=-0.03, low=-0.09, high=0.03, support=40, documents=8)],
        would_pass=["a difference above +3.50 points instead of +2.00", f"no {HOSTILE}"],
    )


@pytest.fixture
def profile() -> Profile:
    ambiguous = AmbiguousShare(n_sequences=5, n_received=100, share=0.05, n_tokens=20, token_share=0.02)
    return replace(
        sample_profile("none"),
        sentence="accepted: 80 train, 10 dev, 10 test sequences; 1.00% quarantined",
        scheme=SchemeChoice(declared="auto", detected="none", used="none", reason="no tag is like B-X"),
        split_origins=SplitOrigins(sentence="dev: 10 sequences split off from 90 labelled train", splits=[]),
        ambiguity=Ambiguity(
            sentence="5 of 100 sequences (5.00%), with 2.00% of the tokens, also occur with other tags",
            left_out=False,
            corpus=ambiguous,
            train=ambiguous,
            dev=ambiguous,
            test=ambiguous,
        ),
        quarantined=QuarantineSize(
            n_sequences=2, share=0.01, budget=0.02, by_rule={"unknown_tag": 2, "over_long": 0}
        ),
        rules=[
            RuleOutcome("empty_corpus", severity="fail", count=0, passed=True, message="100 sequences"),
            RuleOutcome("unknown_tag", severity="quarantine", count=2, passed=False, message=HOSTILE),
        ],
        expectations=ExpectationCounts(defined=18, evaluated=18, failed=1),
        tags={
            "browsing": {"train": 500, "dev": 60, "test": 60},
            HOSTILE: {"train": 300, "dev": 40, "test": 40},
        },
    )


@pytest.fixture
def history() -> TrainingHistory:
    return sample_history((1.2, 0.8), (0.5, 0.92), (0.4, 0.92))


@pytest.fixture
def optimum() -> BestPossible:
    return BestPossible(
        n_sequences=10,
        n_tokens=100,
        optimum_expected=0.96,
        optimum_realised=0.95,
        past_only_expected=0.73,
        past_only_realised=0.75,
    )


@pytest.fixture
def quarantine(tmp_path: Path) -> Path:
    schema = pa.schema(
        [pa.field("row", pa.int64()), pa.field("reasons", pa.list_(pa.string())), *corpus_schema()]
    )
    refused = {
        "row": 17,
        "reasons": ["unknown_tag"],
        "sequence_id": "train#18",
        "document_id": "d",
        "split": "train",
        "tokens": ["go", HOSTILE, None],
        "tags": ["browsing", "nap"],
        "defect": None,
    }
    path = tmp_path / "quarantine.parquet"
    pq.write_table(pa.Table.from_pylist([refused, *([{**refused, "row": 30}] * 5)], schema), path)
    return path


@pytest.fixture
def context() -> ReportContext:
    return ReportContext(
        tagger="shop",
        run_id="20261122-3fa9",
        snapshot_id="9c1e2b7a44d0e8f1",
        seqtag_version="0.1.0",
        versions={"keras": "3.15.1"},
        links={"Data docs": "../validate/data_docs/index.html"},
    )


@pytest.fixture
def report(
    profile: Profile,
    quarantine: Path,
    metrics: Metrics,
    decision: Decision,
    history: TrainingHistory,
    optimum: BestPossible,
    context: ReportContext,
    tmp_path: Path,
) -> Callable[..., str]:
    """Write the report with some inputs changed, and return its HTML."""

    def written(**changed: Any) -> str:
        inputs: dict[str, Any] = {
            "profile": profile,
            "quarantine": quarantine,
            "metrics": metrics,
            "decision": decision,
            "history": history,
            "config": {"name": "shop", "description": HOSTILE, "corpus": {"sources": [{"format": "sample"}]}},
            "optimum": optimum,
            "changes": None,
            "corpus": None,
            "context": context,
        }
        write_report(**(inputs | changed), folder=tmp_path)
        return (tmp_path / "report.html").read_text("utf-8")

    return written
