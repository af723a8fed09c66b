from dataclasses import replace

from seqtag.evaluation import Interval
from seqtag.evaluation.prf import Prf
from seqtag.evaluation.scores import SpanScores
from seqtag.registry.tracking import Score, decision_scores, epoch_scores, final_scores, flat_params
from tests.sample_records import (
    UNKNOWN,
    sample_decision,
    sample_history,
    sample_interval,
    sample_metrics,
    sample_scores,
)


def test_tables_become_dotted_names_and_lists_of_tables_are_numbered() -> None:
    config = {
        "name": "sample",
        "seed": 1,
        "tags": {"declared": None, "scheme": "auto"},
        "corpus": {"sources": [{"path": "a.conll"}, {"path": "b.conll"}], "columns": ["genre", "date"]},
        "quality": {"rules": {}},
    }
    assert flat_params(config) == {
        "name": "sample",
        "seed": "1",
        "tags.declared": "null",
        "tags.scheme": "auto",
        "corpus.sources.0.path": "a.conll",
        "corpus.sources.1.path": "b.conll",
        "corpus.columns": '["genre", "date"]',
        "quality.rules": "{}",
    }


def test_a_value_too_long_for_mlflow_is_cut_visibly() -> None:
    (text,) = flat_params({"query": "x" * 6001}).values()
    assert len(text) == 6000
    assert text.endswith("x … (continued in config.json of this run)")


def test_long_names_are_cut_and_stay_unique() -> None:
    names = list(flat_params({"renamed_tags": {"x" * 300 + "a": "A", "x" * 300 + "b": "B"}}))
    assert [len(name) for name in names] == [250, 250]
    assert names[0] != names[1]


def test_a_name_keeps_only_characters_that_mlflow_accepts() -> None:
    assert flat_params({"rules": {"B-PER|LOC": 1}}) == {"rules.B-PER_LOC": "1"}


def test_an_epoch_is_the_step_of_its_scores() -> None:
    found = epoch_scores(sample_history((1.5, 0.5), (0.75, 0.625)))
    assert [score for score in found if score.key in ("epoch/loss", "epoch/dev_score")] == [
        Score("epoch/loss", 1.5, 1),
        Score("epoch/dev_score", 0.5, 1),
        Score("epoch/loss", 0.75, 2),
        Score("epoch/dev_score", 0.625, 2),
    ]


def _interval(value: float) -> Interval:
    return sample_interval(value, value - 0.125, value + 0.125)


def test_final_scores_carry_their_bounds_for_both_models() -> None:
    champion = replace(UNKNOWN, value=0.5)
    metrics = sample_metrics(
        replace(sample_scores(_interval(0.75)), accuracy=UNKNOWN),
        replace(sample_scores(champion), accuracy=UNKNOWN),
    )
    assert final_scores(metrics) == [
        Score("test/score", 0.75, 0),
        Score("test/score_low", 0.625, 0),
        Score("test/score_high", 0.875, 0),
        Score("champion/score", 0.5, 0),
    ]


def test_span_scores_are_named_by_mode_average_and_measure() -> None:
    prf = Prf(_interval(0.25), _interval(0.5), _interval(0.375), support=40, predicted=40)
    spans = {"strict": SpanScores(micro=prf, macro=prf, types={})}
    scores = replace(sample_scores(UNKNOWN), spans=spans)
    keys = [score.key for score in final_scores(sample_metrics(scores))]
    assert keys[:4] == [
        "test/strict_micro_precision",
        "test/strict_micro_precision_low",
        "test/strict_micro_precision_high",
        "test/strict_micro_recall",
    ]
    assert len(keys) == 18  # two averages, three measures, three numbers each


def test_a_decision_without_a_champion_has_no_scores() -> None:
    assert decision_scores(sample_decision()) == []


def test_a_decision_against_a_champion_is_logged_with_its_interval() -> None:
    assert decision_scores(sample_decision(difference=_interval(0.25), p_better=0.96875)) == [
        Score("decision/difference", 0.25, 0),
        Score("decision/difference_low", 0.125, 0),
        Score("decision/difference_high", 0.375, 0),
        Score("decision/p_better", 0.96875, 0),
    ]
