"""Great Expectations must not pass what it did not see."""

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
    carving="dev and test as labelled by the sources",
    ambiguity="0 of 30 sequences (0.00%) with 0.00% of the tokens occur with other tags too",
)
OFFENDER = Violation("over_long", 3, "s3", "train", "12,000 tokens, 10,000 allowed", "a/O …")


def judged(evidence, rules=RULES):
    from seqtag.quality.gx_validation import run_gx

    judgement = run_gx(rules, evidence, quality=QualityConfig())
    verdicts = rule_verdicts(rules, evidence, held=judgement.held)
    return judgement, corpus_sentence(
        verdicts, evidence, defined=judgement.defined, evaluated=judgement.evaluated
    )


def test_sound_evidence_is_accepted_and_all_of_it_evaluated():
    judgement, (accepted, _) = judged(SOUND)

    assert accepted
    assert judgement.evaluated == judgement.defined == 26
    assert judgement.failed == 0
    assert all(judgement.held.values())


@pytest.mark.parametrize(
    "column",
    ["received", "sequences", "refused_share", "ambiguous_share", "duplicate_share", "leaked_share"],
)
def test_a_column_of_nulls_is_refused(column):
    metrics = SOUND.metrics.astype({column: float})
    metrics[column] = float("nan")

    judgement, (accepted, _) = judged(dataclasses.replace(SOUND, metrics=metrics))

    assert not accepted
    assert not judgement.held["complete_metrics"]


@pytest.mark.parametrize("n_rows", [0, 3])
def test_a_frame_without_every_split_is_refused(n_rows):
    judgement, (accepted, _) = judged(dataclasses.replace(SOUND, metrics=SOUND.metrics[:n_rows]))

    assert not accepted
    assert not judgement.held["complete_metrics"]


def test_the_exact_count_decides_where_the_sample_is_empty():
    evidence = dataclasses.replace(SOUND, counts=SOUND.counts | {"over_long": 4})

    judgement, _ = judged(evidence)

    assert not judgement.held["over_long"]
    assert judgement.failed == 1


def test_an_offender_that_was_not_counted_is_an_offender():
    judgement, _ = judged(dataclasses.replace(SOUND, violations=(OFFENDER,)))

    assert not judgement.held["over_long"]


def test_an_expectation_that_raises_is_not_evaluated_and_refuses(monkeypatch):
    from seqtag.quality.expectations import ExpectNoViolations

    def broken(*_, **__):
        raise RuntimeError("no such thing")

    monkeypatch.setattr(ExpectNoViolations, "_validate", broken)

    judgement, (accepted, sentence) = judged(SOUND)

    assert not accepted
    assert judgement.evaluated < judgement.defined
    assert sentence == f"refused: only {judgement.evaluated} of 26 expectations were evaluated."


def test_no_rules_at_all_is_no_pass():
    _, (accepted, sentence) = judged(SOUND, rules=())

    assert not accepted
    assert sentence == "refused: only 0 of 0 expectations were evaluated."


def test_totals_in_the_result_are_exact_though_the_frame_holds_a_sample():
    evidence = dataclasses.replace(SOUND, counts=SOUND.counts | {"over_long": 12}, violations=(OFFENDER,))

    judgement, _ = judged(evidence)

    result = next(r for r in judgement.results["violations"].results if not r.success)
    assert result.result["unexpected_count"] == 12
    assert result.result["element_count"] == 30
    assert result.result["unexpected_percent"] == 40.0
    assert [row["row"] for row in result.result["unexpected_index_list"]] == ["3"]


def test_the_front_door_does_not_load_great_expectations():
    code = "import sys, seqtag.quality; sys.exit('great_expectations' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
