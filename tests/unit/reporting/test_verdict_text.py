"""The verdict as Markdown and as plain lines."""

from __future__ import annotations

import pytest

from seqtag.reporting import Changes, changed_settings, retrain_markdown, summary_lines


@pytest.fixture
def card(metrics, decision, profile):
    def written(**changed):
        inputs = {"metrics": metrics, "decision": decision, "profile": profile, "links": {}}
        inputs |= {"changes": None, "commands": {}}
        return retrain_markdown(**(inputs | changed))

    return written


def test_the_card_begins_with_verdict_and_sentence(card):
    lines = card().splitlines()

    assert lines[0].endswith("HOLD")
    assert lines[2] == "Accuracy 93.0% against champion v3's 91.0% on 10 sequences."


def test_the_card_compares_challenger_and_champion(card):
    text = card()

    assert "| challenger | 93.0% | 91.0 to 95.0% | 100 |" in text
    assert "| champion (version 3) | 91.0% | 89.0 to 93.0% | 100 |" in text
    assert "| difference | +2.0 points | −1.0 to +5.0 points | 10 |" in text  # noqa: RUF001


def test_every_row_of_a_table_has_the_cells_of_its_header(card, span_metrics):
    for text in (card(), card(metrics=span_metrics)):
        for block in text.split("\n\n"):
            if block.startswith("|"):
                widths = {row.replace(r"\|", "").count("|") for row in block.splitlines()}
                assert len(widths) == 1


def test_names_in_the_card_are_text_and_no_markup(card):
    text = card()

    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert r"not yet \| &lt;script" in text
    assert r"PRP\$" in text


def test_a_line_break_in_a_name_does_not_break_a_table(card, metrics):
    metrics["challenger"]["tags"] = {"a\nb\x1b[31m": metrics["challenger"]["tags"]["browsing"]}

    assert r"| a b \[31m | 60 |" in card(metrics=metrics)


def test_types_are_listed_where_tags_have_spans(card, span_metrics):
    text = card(metrics=span_metrics)

    assert "## By type" in text
    assert "| PER | 20 | 55.0% | 53.0 to 57.0% | 50.0% |" in text


def test_of_many_tags_the_card_shows_the_most_frequent(card, metrics):
    browsing = metrics["challenger"]["tags"]["browsing"]
    metrics["challenger"]["tags"] = {f"T{i:02}": browsing | {"support": i} for i in range(40)}

    text = card(metrics=metrics)

    assert "| T39 | 39 |" in text
    assert "| T09 |" not in text
    assert "10 rarer ones stand in the report." in text


def test_addresses_become_links_and_paths_do_not(card):
    text = card(links={"Data docs": "/srv/run 1/index.html", "Dashboard": "http://127.0.0.1:4200/v2"})

    assert "- Data docs: `/srv/run 1/index.html`" in text
    assert "- [Dashboard](<http://127.0.0.1:4200/v2>)" in text


def test_the_terminal_shows_the_model_between_the_two_bounds(metrics, decision, optimum):
    first = metrics | {"champion": None}

    text = summary_lines(
        metrics=first, decision=decision, optimum=optimum, links={"Report": "/srv/report.html"}
    )

    assert text.splitlines() == [
        "HOLD: Accuracy 93.0% against champion v3's 91.0% on 10 sequences.",
        "",
        "token accuracy on 10 test sequences (100 tokens)",
        "  best possible from the past alone       75.0%",
        "  this model                              93.0%  (91.0 to 95.0%)",
        "  best possible from the whole sequence   95.0%",
        "",
        "Report: /srv/report.html",
    ]


def test_the_terminal_shows_the_champion(metrics, decision):
    text = summary_lines(metrics=metrics, decision=decision, optimum=None, links={})

    assert "  champion, version 3   91.0%  (89.0 to 93.0%)" in text


def test_control_characters_do_not_reach_the_terminal(metrics, decision):
    coloured = decision | {"sentence": "HOLD: tag \x1b[2J\u202e wins"}

    text = summary_lines(metrics=metrics, decision=coloured, optimum=None, links={})

    assert "\x1b" not in text
    assert "\u202e" not in text


def test_the_card_says_what_would_have_been_promoted(card, decision):
    text = card()
    assert (
        "It would be promoted with all of this:\n\n- a difference above +3.50 points instead of +2.00\n"
        in text
    )
    assert "<script>" not in text
    assert "would be promoted" not in card(decision=decision | {"would_pass": []})


def test_the_card_names_the_rules_that_decided(card, decision):
    assert "Decided by:\n\n- the difference clears the margin: not yet" in card()
    held = [rule | {"held": True} for rule in decision["rules"]]
    assert "Decided by: all of 2 rules were held." in card(decision=decision | {"rules": held})


def test_the_card_shows_the_difference_of_each_type_with_interval_and_support(card, decision):
    assert "−3.0 points | −9.0 to +3.0 points | 40 |" in card()  # noqa: RUF001
    assert "Difference to the champion" not in card(decision=decision | {"guards": []})


def test_the_card_says_what_changed_and_what_was_taken_over(card):
    changes = Changes(
        "2026-01-30-a-b",
        {"validate": [], "train": ["config", "package tensorflow"]},
        changed_settings({"train": {"max_epochs": 6}}, {"train": {"max_epochs": 1, "seed": "<b>"}}),
    )
    text = card(changes=changes)
    assert "| validate | taken over | nothing it reads has changed |" in text
    assert "| train | done anew | config, package tensorflow |" in text
    assert "| train.max\\_epochs | 6 | 1 |" in text
    assert '| train.seed | null | "&lt;b&gt;" |' in text


def test_the_card_shows_what_failed_the_contract(card, profile):
    rule = {"rule": "over_long", "held": True, "severity": "quarantine", "count": 3, "message": "3 | long"}
    assert "| over\\_long | quarantine | 3 | 3 \\| long |" in card(profile=profile | {"rules": [rule]})
    assert "Nothing failed the contract." in card(profile=profile | {"rules": []})


def test_the_card_gives_commands_as_code(card):
    text = card(commands={"Look at it": "seqtag show 2026-01-31"})
    assert text.endswith("Look at it:\n\n    seqtag show 2026-01-31\n")
