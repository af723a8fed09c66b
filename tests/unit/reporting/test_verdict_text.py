"""Retrain card and terminal summary."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seqtag.config import SPLITS
from seqtag.corpus import SizeChange, SplitChanges
from seqtag.corpus.corpus_profile import RuleOutcome
from seqtag.gate.guardrails import Guardrail
from seqtag.reporting import (
    CompletedStep,
    InputChanges,
    changed_settings,
    retrain_markdown,
    summary_lines,
    verdict_lines,
    verdict_warnings,
)
from tests.sample_records import sample_corpus_changes, sample_history


@pytest.fixture
def card(metrics, decision, profile):
    def written(**changed):
        inputs = {"metrics": metrics, "decision": decision, "profile": profile, "links": {}}
        inputs |= {"done": [], "changes": None, "corpus": None, "commands": {}}
        return retrain_markdown(**(inputs | changed))

    return written


def test_the_card_begins_with_verdict_and_sentence(card):
    lines = card().splitlines()

    assert lines[0].endswith("HOLD")
    assert lines[2] == "Accuracy 93.0% against champion v3's 91.0% on 10 sequences."


def test_the_card_compares_challenger_and_champion(card):
    text = card()

    assert "| this model | 93.0% | 91.0 to 95.0% | 100 tokens in 8 documents |" in text
    assert "| champion (version 3) | 91.0% | 89.0 to 93.0% | 100 tokens in 8 documents |" in text
    assert "| difference | +2.0 points | −1.0 to +5.0 points | 10 sequences in 8 documents |" in text  # noqa: RUF001
    assert text.index("| this model |") < text.index("Links:")


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            {"good_for": 41, "to_double": 1200},
            "the test split is good for 41 more comparisons; 1,200 more documents would double that.",
        ),
        ({"good_for": 41, "to_double": 0}, "the test split is good for 41 more comparisons."),
        (
            {"good_for": 0, "documents": 4300},
            "too small to detect +0.3 points at the same power; 4,300 documents are needed.",
        ),
        ({"good_for": 0, "documents": 7}, "the error budget is used up until older comparisons leave"),
        ({"good_for": 0, "documents": None}, "+0.3 points cannot be detected with any test split"),
    ],
)
def test_the_card_describes_the_power_of_the_test_split(card, decision, found, words):
    text = card(decision=replace(decision, gauge=replace(decision.gauge, **found)))

    assert "Error budget: comparison 42 of 365 in the horizon; each has an error level of 0.0137%." in text
    assert "With 8 test documents, a comparison detects an improvement of +7 points in 4 of 5 cases." in text
    assert words in text


def test_without_a_comparison_the_card_has_no_error_budget(card, decision):
    assert "Error budget" not in card(decision=replace(decision, gauge=None))


def test_every_row_of_a_table_has_the_cells_of_its_header(card, span_metrics):
    for text in (card(), card(metrics=span_metrics)):
        for block in text.split("\n\n"):
            if block.startswith("|"):
                widths = {row.replace(r"\|", "").count("|") for row in block.splitlines()}
                assert len(widths) == 1


def test_names_in_the_card_are_escaped(card):
    text = card()

    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert r"not yet \| &lt;script" in text
    assert r"PRP\$" in text


def test_a_line_break_in_a_name_does_not_break_a_table(card, metrics):
    tags = {"a\nb\x1b[31m": metrics.challenger.tags["browsing"]}

    text = card(metrics=replace(metrics, challenger=replace(metrics.challenger, tags=tags)))

    assert r"| a b \[31m | 60 in 8 documents |" in text


def test_span_types_are_listed(card, span_metrics):
    text = card(metrics=span_metrics)

    assert "## By type" in text
    assert "| PER | 20 in 8 documents | 55.0% (53.0 to 57.0%) | 50.0% (48.0 to 52.0%) | – |" in text  # noqa: RUF001
    assert "| this model | 55.0% | 53.0 to 57.0% | 100 gold spans in 8 documents |" in text


def test_the_card_shows_the_most_frequent_of_many_tags(card, metrics):
    browsing = metrics.challenger.tags["browsing"]
    tags = {f"T{i:02}": replace(browsing, support=i, f1=replace(browsing.f1, support=i)) for i in range(40)}

    text = card(metrics=replace(metrics, challenger=replace(metrics.challenger, tags=tags)))

    assert "| T39 | 39 in 8 documents |" in text
    assert "| T09 |" not in text
    assert "The report lists 10 rarer ones." in text


def test_urls_become_links_and_paths_do_not(card):
    text = card(links={"Data docs": "/srv/run 1/index.html", "Dashboard": "http://127.0.0.1:4200/v2"})

    assert "- Data docs: `/srv/run 1/index.html`" in text
    assert "- [Dashboard](<http://127.0.0.1:4200/v2>)" in text
    assert "No report server" not in text
    alone = card(links={"Report": "/srv/report.html"})
    assert "No report server is running, so these are paths on its machine; `make up` starts one." in alone


def test_warnings_come_right_after_the_verdict(card, metrics, decision):
    warnings = ["Only 10 test sequences in 8 documents decide."]
    text = card(warnings=warnings)
    assert text.split("\n\n")[2] == "**Warning:** Only 10 test sequences in 8 documents decide."
    shown = summary_lines(
        "HOLD.", metrics=metrics, decision=decision, optimum=None, links={}, warnings=warnings
    )
    assert shown.splitlines()[:2] == ["HOLD.", f"Warning: {warnings[0]}"]
    notice = verdict_lines(decision, metrics=metrics, warnings=warnings, links={}).splitlines()
    assert notice[1:3] == [f"Warning: {warnings[0]}", "this model: 93.0% (91.0 to 95.0%)"]


def test_small_tests_unfinished_trainings_and_old_champions_are_warnings(decision):
    history = sample_history((0.5, 0.8), (0.4, 0.9))
    small, old = replace(decision, n_sequences=34, n_documents=30), "The champion is 91 days old."
    assert verdict_warnings(small, history, max_epochs=2, champion_age=old, changes=None) == [
        "Only 34 test sequences in 30 documents decide.",
        "The dev score was best in the last of 2 epochs allowed: raise train.max_epochs.",
        old,
    ]
    large = replace(decision, verdict="PROMOTE", n_documents=100)
    assert verdict_warnings(large, history, max_epochs=3, champion_age=old, changes=None) == []


def test_test_sequences_with_other_gold_tags_are_a_warning(decision):
    changes = sample_corpus_changes()
    large, history = replace(decision, n_documents=100), sample_history((0.5, 0.8), (0.4, 0.7))
    assert verdict_warnings(large, history, max_epochs=3, champion_age=None, changes=changes) == [
        "17 of 1,302 test sequences have other gold tags than in the run of version 3."
    ]


def test_the_card_shows_the_changes_of_the_corpus_and_only_those(card):
    text = card(corpus=sample_corpus_changes())

    assert "### Corpus since the run of version 3" in text
    assert "| test | 1,300 | 1,302 | 4 | 2 | 0 | 17 |" in text
    assert "1 document new, 2 documents removed." in text
    assert "| a.conll | 1,000 | 1,012 | +12 |\n| b.conll | 0 | 7 | new |" in text
    assert "c.conll" not in text
    assert "| LOC | test | 40.0% → 25.0% | 40 → 25 | −15.0 points |" in text  # noqa: RUF001
    assert "Corpus since" not in card()


def test_the_card_says_if_the_corpus_is_the_same(card):
    same = {"PER": dict.fromkeys(SPLITS, SizeChange(5, 5))}
    nothing = dict.fromkeys(SPLITS, SplitChanges(9, 9, 0, 0, 0, 0))
    text = card(corpus=sample_corpus_changes(splits=nothing, sources={}, types=same))

    assert "The sequences and their tags are the same in every split." in text
    assert "Each type of spans is as frequent as before in every split." in text


def test_a_difference_on_fewer_sequences_than_the_scores_says_why(card, decision):
    left_out = replace(decision, n_sequences=7, n_left_out=2)
    assert (
        "The scores are on all 10 test sequences, the difference on 7: 2 were known to one model only, 1 had "
        "selected the champion."
    ) in card(decision=left_out)


def test_the_terminal_shows_the_model_between_the_two_bounds(metrics, decision, optimum):
    first = replace(metrics, champion=None)

    text = summary_lines(
        "HOLD: Accuracy 93.0% against champion v3's 91.0% on 10 sequences.",
        metrics=first,
        decision=replace(decision, difference=None),
        optimum=optimum,
        links={"Report": "/srv/report.html"},
    )

    assert text.splitlines() == [
        "HOLD: Accuracy 93.0% against champion v3's 91.0% on 10 sequences.",
        "",
        "token accuracy on 10 test sequences (100 tokens, 8 documents)",
        "  best possible from the past alone      75.0%",
        "  this model                             93.0%  (91.0 to 95.0%)",
        "  best possible from the whole sequence  95.0%",
        "",
        "Report: /srv/report.html",
    ]


def test_the_terminal_shows_the_champion(metrics, decision):
    text = summary_lines("HOLD: Accuracy 93.0%.", metrics=metrics, decision=decision, optimum=None, links={})

    assert "  champion (version 3)        91.0%  (89.0 to 93.0%)" in text
    assert "  difference            +2.0 points  (−1.0 to +5.0 points)" in text  # noqa: RUF001


def test_control_characters_do_not_reach_the_terminal(metrics, decision):
    text = summary_lines(
        "HOLD: tag \x1b[2J\u202e wins", metrics=metrics, decision=decision, optimum=None, links={}
    )

    assert "\x1b" not in text
    assert "\u202e" not in text


def test_the_card_describes_what_would_have_been_promoted(card, decision):
    text = card()
    assert (
        "It would be promoted with all of the following:\n\n"
        "- a difference above +3.50 points instead of +2.00\n"
    ) in text
    assert "<script>" not in text
    assert "would be promoted" not in card(decision=replace(decision, would_pass=[]))


def test_the_card_names_the_rules_that_decided(card, decision):
    assert "Decided by:\n\n- the difference clears the margin: not yet" in card()
    held = [replace(rule, passed=True) for rule in decision.rules]
    assert "Decided by: all 2 rules passed." in card(decision=replace(decision, rules=held))


def test_the_card_shows_guarded_differences_next_to_both_scores(card, decision):
    """Each of 4 guardrails has an interval at 1 - 0.05 / 4."""
    guards = [
        Guardrail(what, difference=value, low=low, high=high, support=support, documents=3)
        for what, value, low, high, support in (
            ("tag browsing", -0.03, -0.09, 0.03, 60),
            ("tag PRP$", 0.0, 0.0, 0.0, 50),
            ("length = 1-10", 0.01, -0.01, 0.02, 4),
            ("genre = |", 0.0, 0.0, 0.0, 6),
        )
    ]
    text = card(decision=replace(decision, guards=guards))

    assert "|  | gold tokens | F1 | champion's F1 | difference of recall |" in text
    both = "93.0% (91.0 to 95.0%) | 91.0% (89.0 to 93.0%)"
    assert f"| browsing | 60 in 8 documents | {both} | −3.0 points (−9.0 to +3.0 points) |" in text  # noqa: RUF001
    assert "| length = 1-10 | 4 in 3 documents | +1.0 points (−1.0 to +2.0 points) |" in text  # noqa: RUF001
    assert text.index("| length = 1-10 |") < text.index("| genre = \\| |")
    assert "Their paired intervals are at 98.8% confidence, because of 4 guardrails (Bonferroni)." in text
    assert "guardrail" not in card(decision=replace(decision, guards=[]))


def test_the_card_of_a_first_model_has_no_champion_column(card, metrics, span_metrics, decision):
    first = replace(decision, champion_version=None, difference=None, guards=[])
    for of in (metrics, span_metrics):
        text = card(metrics=replace(of, champion=None), decision=first)
        assert "champion's F1" not in text
        assert "There is no champion to compare with." in text
    assert "The champion's run directory no longer exists." in card()


def test_the_card_lists_changes_and_reused_steps(card):
    changes = InputChanges(
        "2026-01-30-a-b",
        ("aaaa", "bbbb"),
        {"validate": [], "train": ["config", "package tensorflow"]},
        changed_settings({"train": {"max_epochs": 6}}, {"train": {"max_epochs": 1, "seed": "<b>"}}),
    )
    text = card(
        changes=changes,
        done=[CompletedStep("validate", 0.25, "2026-01-29-a-c"), CompletedStep("train", 1234.5, None)],
    )

    assert "champion's run 2026-01-30-a-b: snapshot bbbb instead of aaaa; 2 changed settings." in text
    assert "| train | config, package tensorflow |" in text
    assert "| train.max\\_epochs | 6 | 1 |" in text
    assert '| train.seed | null | "&lt;b&gt;" |' in text
    assert "| validate | reused from 2026-01-29-a-c | 0.2 s originally |" in text
    assert "| train | ran | 1,234.5 s |" in text
    same = card(changes=InputChanges("a", ("s", "s"), {"train": []}, {}))
    assert "the same snapshot s; no changed settings." in same
    assert "No other inputs changed." in same
    assert "A step is reused" not in same


def test_the_card_shows_failed_validation_rules(card, profile):
    rule = RuleOutcome("over_long", passed=True, severity="quarantine", count=3, message="3 | long")
    drift = RuleOutcome("tag_drift", passed=False, severity="warn", count=0, message="0.2 bits")
    text = card(profile=replace(profile, rules=[rule, drift]))
    assert "| yes | over\\_long | quarantine | 3 | 3 \\| long |" in text
    assert "| NO | tag\\_drift | warn | 0 | 0.2 bits |" in text
    assert "2 sequences quarantined: 1.0% of all sequences, which is 50.0% of the budget (2.0%)." in text
    assert "No rule found a violation." in card(profile=replace(profile, rules=[]))


def test_the_card_gives_commands_as_code(card):
    text = card(commands={"Look at it": "seqtag show 2026-01-31"})
    assert text.endswith("Look at it:\n\n    seqtag show 2026-01-31\n")
