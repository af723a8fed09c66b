"""The confidence section, and texts about the baseline on the page, the card and the terminal."""

from __future__ import annotations

import base64
import html
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from seqtag.evaluation import Calibration, Interval, Scores
from seqtag.evaluation.calibration import Bin
from seqtag.reporting import retrain_markdown, summary_lines
from seqtag.reporting.confidence import confidences
from seqtag.reporting.plots import reliability_diagram
from seqtag.reporting.sentences import baseline_label, baseline_sentence


def text_of(page: str) -> str:
    """Return the text of a page without its style sheet."""
    without_style = re.sub(r"<style>.*?</style>", " ", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", without_style)).split())


def section(page: str, name: str) -> str:
    return text_of(page[page.index(f'<section id="{name}">') :].split("</section>")[0])


def bin_of(mean: float, accuracy: float, support: int) -> Bin:
    share = Interval(
        value=accuracy, low=accuracy - 0.1, high=accuracy + 0.1, support=support, documents=min(support, 8)
    )
    return Bin(low=mean - 0.05, high=mean + 0.05, mean_confidence=mean, accuracy=share)


def svg_of(picture) -> ElementTree.Element:
    return ElementTree.fromstring(base64.b64decode(picture.uri.split(",")[1]))  # noqa: S314 - own picture


def test_a_model_without_confidence_has_no_confidence_section(report):
    page = report()

    assert "#confidence" not in page
    assert 'id="confidence"' not in page


def test_the_section_states_that_a_model_is_overconfident(report, sure_metrics):
    page = report(metrics=sure_metrics)

    assert (
        "On the whole, the model is overconfident in its tags: it gives them a probability of 98.0% on "
        "average, and 93.0% are correct; the expected calibration error is 5.2 points."
        in section(page, "confidence")
    )
    assert '<a href="#confidence">' in page


@pytest.mark.parametrize(
    ("low", "high", "judged"),
    [
        (0.01, 0.03, "overconfident in its tags"),
        (-0.03, -0.01, "underconfident in its tags"),
        (-0.01, 0.02, "neither clearly overconfident nor clearly underconfident in its tags"),
        (None, None, "neither clearly overconfident nor clearly underconfident in its tags"),
    ],
)
def test_the_interval_of_the_gap_decides_the_statement(sure_metrics, low, high, judged):
    tokens = sure_metrics.challenger.calibration.tokens
    calibration = Calibration(replace(tokens, gap=replace(tokens.gap, low=low, high=high)), spans=None)
    challenger = replace(sure_metrics.challenger, calibration=calibration)

    (found,) = confidences(replace(sure_metrics, challenger=challenger))

    assert found.sentence.startswith(f"On the whole, the model is {judged}: ")


def test_figures_are_shown_next_to_the_champions_with_intervals(report, sure_metrics):
    text = section(report(metrics=sure_metrics), "confidence")

    assert "100 tokens in 8 documents measure this model interval champion interval" in text
    assert "mean confidence 98.0% 96.0 to 100.0% 99.0% 97.0 to 101.0%" in text
    assert "confidence minus accuracy +5.0 points +3.0 to +7.0 points +8.0 points" in text
    assert "expected calibration error 5.2 points 3.2 to 7.2 points" in text
    assert "Brier score 0.082 0.062 to 0.102" in text


def test_the_champions_support_is_given_if_it_differs(report, sure_metrics):
    champion = sure_metrics.champion
    fewer = Calibration(replace(champion.calibration.tokens, support=90), spans=None)
    metrics = replace(sure_metrics, champion=replace(champion, calibration=fewer))

    assert "100 tokens in 8 documents; 90 for the champion" in section(report(metrics=metrics), "confidence")


def test_a_champion_without_confidence_has_no_columns(report, sure_metrics):
    metrics = replace(sure_metrics, champion=replace(sure_metrics.champion, calibration=None))

    text = section(report(metrics=metrics), "confidence")

    assert "100 tokens in 8 documents measure this model interval mean confidence" in text
    assert "The champion's predictions contain no confidence." in text


def test_a_first_model_is_not_compared_with_a_champion(report, sure_metrics, decision):
    first = replace(decision, difference=None, p_better=None, champion=None, champion_version=None)

    text = section(report(metrics=replace(sure_metrics, champion=None), decision=first), "confidence")

    assert "champion" not in text


def test_bins_are_tabulated_and_small_ones_have_no_interval(report, sure_metrics):
    text = section(report(metrics=sure_metrics), "confidence")

    assert (
        "confidence tokens documents mean confidence accuracy interval 0.0 to 50.0% 4 4 40.0% 25.0% too few"
        in text
    )
    assert "50.0 to 100.0% 96 8 98.0% 93.0% 91.0 to 95.0%" in text
    assert "The largest gap in a bin above is 15.0 points (4 tokens)." in text


def test_spans_are_shown_next_to_tokens(report, sure_metrics):
    def with_spans(of: Scores) -> Scores:
        tokens = of.calibration.tokens
        return replace(of, calibration=Calibration(tokens, spans=replace(tokens, support=30)))

    challenger, champion = with_spans(sure_metrics.challenger), with_spans(sure_metrics.champion)

    page = report(metrics=replace(sure_metrics, challenger=challenger, champion=champion))

    assert page.count("<img") == 5  # two curves, the confusions, two diagrams
    assert "overconfident in its spans" in section(page, "confidence")
    assert "30 predicted spans in 8 documents measure" in section(page, "confidence")


def test_without_predicted_spans_only_tokens_are_shown(sure_metrics):
    tokens = sure_metrics.challenger.calibration.tokens
    calibration = Calibration(tokens, spans=replace(tokens, support=0))
    challenger = replace(sure_metrics.challenger, calibration=calibration)

    found = confidences(replace(sure_metrics, challenger=challenger))

    assert [each.noun for each in found] == ["token"]


def test_the_diagram_names_its_axes_and_units():
    svg = svg_of(reliability_diagram([bin_of(0.55, 0.5, 30), bin_of(0.95, 0.9, 4000)], noun="token"))

    words = {element.text for element in svg.iter() if element.tag.endswith("}text")}
    assert {"Tokens", "correct, % of tokens", "mean confidence, %", "count", "1,000"} <= words


def test_the_diagram_draws_no_interval_for_a_small_bin():
    def n_strokes(support: int) -> int:
        picture = reliability_diagram([bin_of(0.55, 0.5, support), bin_of(0.95, 0.9, 40)], noun="token")
        return sum("stroke-width: 2" in (e.get("style") or "") for e in svg_of(picture).iter())

    assert n_strokes(10) == 2
    assert n_strokes(9) == 1


def test_empty_bins_are_not_drawn():
    nothing = Interval(value=None, low=None, high=None, support=0, documents=0)
    empty = Bin(low=0.0, high=0.5, mean_confidence=None, accuracy=nothing)

    assert "in 2 bins" in reliability_diagram([empty, bin_of(0.95, 0.9, 40)], noun="token").words


def test_the_baseline_is_shown_next_to_the_model_on_the_page(report, baseline_metrics):
    text = section(report(metrics=baseline_metrics), "scores")

    assert "Comparison with the baseline crfsuite This model is 3.0 points above" in text
    assert "token accuracy 93.0% 91.0 to 95.0% 90.0% 88.0 to 92.0% 100" in text


def test_without_a_baseline_the_page_does_not_mention_one(report):
    assert "baseline" not in text_of(report())


def test_the_baselines_strict_span_f1_is_shown(report, span_metrics):
    metrics = replace(span_metrics, baseline=span_metrics.champion, baseline_name="crfsuite")

    text = section(report(metrics=metrics, optimum=None), "scores")

    compared = text[text.index("Comparison with the baseline") :]
    assert "span F1, strict, micro 55.0% 53.0 to 57.0% 50.0% 48.0 to 52.0% 30" in compared


@pytest.mark.parametrize(
    ("value", "low", "high", "said"),
    [
        (
            0.03,
            0.012,
            0.048,
            "is 3.0 points above the baseline crfsuite in token accuracy (95% interval +1.2",
        ),
        (-0.03, -0.048, -0.012, "is 3.0 points below the baseline crfsuite in token accuracy (95% interval"),
        (0.01, -0.005, 0.025, "is not clearly above or below the baseline crfsuite in token accuracy: +1.0"),
        (0.0, 0.0, 0.0, "is not clearly above or below the baseline crfsuite in token accuracy: 0.0"),
    ],
)
def test_the_interval_decides_whether_a_model_is_above_or_below_the_baseline(
    baseline_metrics, value, low, high, said
):
    difference = Interval(value=value, low=low, high=high, support=10, documents=8)

    assert said in baseline_sentence(replace(baseline_metrics, baseline_difference=difference))


def test_a_baseline_without_a_score_is_not_compared(baseline_metrics):
    sentence = baseline_sentence(replace(baseline_metrics, baseline_difference=None))

    assert sentence == "No comparison with the baseline crfsuite: one of the two has no token accuracy."


def test_a_baseline_need_not_have_a_name():
    assert baseline_label(None) == "baseline"


def test_the_name_of_a_baseline_is_escaped(report, baseline_metrics):
    assert "<script" not in report(metrics=replace(baseline_metrics, baseline_name="<script>")).lower()


def test_the_card_has_a_line_for_the_baseline(baseline_metrics, decision, profile):
    text = retrain_markdown(
        metrics=baseline_metrics,
        decision=decision,
        profile=profile,
        done=[],
        changes=None,
        corpus=None,
        links={},
        commands={},
    )

    assert "| baseline crfsuite | 90.0% | 88.0 to 92.0% | 100 tokens in 8 documents |" in text


def test_the_terminal_has_a_line_for_the_baseline(baseline_metrics, decision):
    text = summary_lines("Held.", metrics=baseline_metrics, decision=decision, optimum=None, links={})

    assert "  baseline crfsuite           90.0%  (88.0 to 92.0%)" in text
