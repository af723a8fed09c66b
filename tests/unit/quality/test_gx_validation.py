"""Great Expectations must not pass a rule that it did not evaluate."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pandas as pd
import pytest

from seqtag.config import QualityConfig, SplitConfig, TagsConfig
from seqtag.quality.rule_verdicts import Evidence, corpus_sentence, rule_verdicts
from seqtag.quality.validation_rules import rules_in_force
from seqtag.quality.violation_text import Violation

RULES = rules_in_force(
    tags=TagsConfig(),
    quality=QualityConfig(),
    split=SplitConfig(),
    scheme="IOB2",
    has_previous=False,
    fewest_test_documents=0,
)
SOUND = Evidence(
    metrics=pd.DataFrame(
        {
            "split": ["corpus", "train", "dev", "test"],
            "received": [30, 10, 10, 10],
            "sequences": [30, 10, 10, 10],
            "tokens": [150, 50, 50, 50],
            "unlabelled": [0, 0, 0, 0],
            "refused_share": [0.0, 0.0, 0.0, 0.0],
            "ambiguous_share": [0.0, 0.0, 0.0, 0.0],
            "duplicate_share": [0.0, 0.0, 0.0, 0.0],
            "leaked_share": [0.0, 0.0, 0.0, 0.0],
        }
    ),
    violations=(),
    counts={rule.name: 0 for rule in RULES},
    n_sequences=30,
    n_tags=4,
    refusing=(),
    split_origins="dev and test as labelled by the sources",
    ambiguity="0 of 30 sequences (0.00%), with 0.00% of the tokens, also occur with other tags",
)
VIOLATION = Violation("over_long", 3, "s3", "train", "12,000 tokens, more than 10,000", "a/O …")


def check(evidence, rules=RULES):
    from seqtag.quality.gx_validation import run_gx

    result = run_gx(rules, evidence, quality=QualityConfig())
    verdicts = rule_verdicts(rules, evidence, passed=result.passed)
    return result, corpus_sentence(verdicts, evidence, defined=result.defined, evaluated=result.evaluated)


def test_sound_evidence_is_accepted_and_fully_evaluated():
    result, (accepted, _) = check(SOUND)

    assert accepted
    assert result.evaluated == result.defined == 26
    assert result.failed == 0
    assert all(result.passed.values())


@pytest.mark.parametrize(
    "column",
    ["received", "sequences", "refused_share", "ambiguous_share", "duplicate_share", "leaked_share"],
)
def test_a_column_of_nulls_is_refused(column):
    metrics = SOUND.metrics.astype({column: float})
    metrics[column] = float("nan")

    result, (accepted, _) = check(dataclasses.replace(SOUND, metrics=metrics))

    assert not accepted
    assert not result.passed["complete_metrics"]


@pytest.mark.parametrize("n_rows", [0, 3])
def test_a_frame_without_all_splits_is_refused(n_rows):
    result, (accepted, _) = check(dataclasses.replace(SOUND, metrics=SOUND.metrics[:n_rows]))

    assert not accepted
    assert not result.passed["complete_metrics"]


def test_the_exact_count_decides_even_if_the_sample_is_empty():
    evidence = dataclasses.replace(SOUND, counts=SOUND.counts | {"over_long": 4})

    result, _ = check(evidence)

    assert not result.passed["over_long"]
    assert result.failed == 1


def test_an_uncounted_violation_in_the_sample_breaks_the_rule():
    result, _ = check(dataclasses.replace(SOUND, violations=(VIOLATION,)))

    assert not result.passed["over_long"]


def test_an_expectation_that_raises_counts_as_unevaluated_and_refuses(monkeypatch):
    from seqtag.quality.gx_compat import ExpectNoViolations

    def broken(*_, **__):
        raise RuntimeError("no such thing")

    monkeypatch.setattr(ExpectNoViolations, "_validate", broken)

    result, (accepted, sentence) = check(SOUND)

    assert not accepted
    assert result.evaluated < result.defined
    assert sentence == f"refused: only {result.evaluated} of 26 expectations were evaluated."


def test_an_empty_rule_set_does_not_pass():
    _, (accepted, sentence) = check(SOUND, rules=())

    assert not accepted
    assert sentence == "refused: only 0 of 0 expectations were evaluated."


def test_totals_are_exact_although_the_frame_is_a_sample():
    evidence = dataclasses.replace(SOUND, counts=SOUND.counts | {"over_long": 12}, violations=(VIOLATION,))

    result, _ = check(evidence)

    failed = next(r for r in result.results["violations"].results if not r.success)
    assert failed.result["unexpected_count"] == 12
    assert failed.result["element_count"] == 30
    assert failed.result["unexpected_percent"] == 40.0
    assert [row["row"] for row in failed.result["unexpected_index_list"]] == ["3"]


def test_importing_the_package_does_not_load_great_expectations():
    code = "import sys, seqtag.quality; sys.exit('great_expectations' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
