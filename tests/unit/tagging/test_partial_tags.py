"""Partial annotation, checked by brute force over all tags that an untagged token might have."""

from __future__ import annotations

import doctest
import itertools
import random

import numpy as np
import pyarrow as pa
import pytest

from seqtag.config import EvaluateConfig
from seqtag.errors import TagSchemeError
from seqtag.evaluation import evaluate
from seqtag.evaluation.counts import pair_tags
from seqtag.evaluation.metric import metric_counts
from seqtag.evaluation.predictions import gold_span_keys
from seqtag.tagging import partial_tags
from seqtag.tagging.partial_tags import certain_spans, convert_known_tags
from seqtag.tagging.ragged import distinct_or_none, flatten
from seqtag.tagging.schemes import convert_tags, legal_transitions
from seqtag.tagging.spans import spans_of

TAGS = ("O", *(f"{prefix}-{kind}" for prefix in "BIES" for kind in "XY"))
CONFIG = EvaluateConfig(resamples=100)


def lists(*rows):
    return pa.array(rows, pa.list_(pa.string()))


def fillings(tags, choices):
    """Yield the sequence with every combination of choices in place of None."""
    places = [i for i, tag in enumerate(tags) if tag is None]
    for chosen in itertools.product(choices, repeat=len(places)):
        filled = list(tags)
        for place, tag in zip(places, chosen, strict=True):
            filled[place] = tag
        yield filled


def with_gaps(draw, tags):
    gaps = set(draw.sample(range(len(tags)), draw.randint(1, min(2, len(tags)))))
    return [None if i in gaps else tag for i, tag in enumerate(tags)]


def spans(tags):
    found = spans_of(lists(tags), "IOBES", mode="conlleval")
    types = [found.types[i] for i in found.type_id]
    return set(zip(found.start.tolist(), found.stop.tolist(), types, strict=True))


def test_a_span_is_certain_if_every_choice_of_the_missing_tags_has_it():
    draw = random.Random(1)
    for _ in range(150):
        tags = with_gaps(draw, draw.choices(TAGS, k=draw.randint(1, 5)))
        values, offsets = flatten(lists(tags))
        found, cut = certain_spans(*distinct_or_none(values), offsets, scheme="IOBES", mode="conlleval")
        names = [found.types[i] for i in found.type_id]
        everywhere = set.intersection(*(spans(filled) for filled in fillings(tags, TAGS)))
        of_known = {s for s in everywhere if None not in tags[s[0] : s[1]]}
        assert set(zip(found.start.tolist(), found.stop.tolist(), names, strict=True)) == of_known, tags
        uncertain = [
            tag is None or (tag != "O" and not any(s[0] <= i < s[1] for s in of_known))
            for i, tag in enumerate(tags)
        ]
        assert cut.tolist() == uncertain, tags


def is_legal(tags, scheme):
    legal, n = legal_transitions(TAGS, scheme), len(TAGS)
    ids = [n, *(TAGS.index(tag) for tag in tags), n]
    return all(legal[pair] for pair in itertools.pairwise(ids))


@pytest.mark.parametrize("source", ["IOB1", "IOB2", "IOBES"])
@pytest.mark.parametrize("target", ["IOB1", "IOB2", "IOBES"])
def test_a_tag_is_converted_if_its_spelling_is_the_same_for_every_choice_of_the_missing_tags(source, target):
    draw, n_kept, n_lost = random.Random(2), 0, 0
    while n_kept < 100:
        length = draw.randint(2, 5)
        whole = draw.choices(TAGS, k=length)
        if not is_legal(whole, source):
            continue
        tags = with_gaps(draw, whole)
        possible = [f for f in fillings(tags, TAGS) if is_legal(f, source)]
        spelled = [convert_tags(lists(filled), source, target)[0].as_py() for filled in possible]
        for i, tag in enumerate(convert_known_tags(lists(tags), source, target)[0].as_py()):
            if tags[i] is None:
                assert tag is None
            elif tag is None:
                n_lost += 1
                assert None in tags[max(0, i - 1) : i + 2]
            else:
                n_kept += 1
                assert {row[i] for row in spelled} == {tag}, (tags, i)
    assert (n_lost == 0) == (source == target or (source, target) in [("IOBES", "IOB2"), ("IOB2", "IOB2")])


def test_null_lists_and_tags_of_no_scheme_are_handled_as_without_gaps():
    tags = lists(["O", None, "I-X"], None, [], ["B-X"])
    assert convert_known_tags(tags, "IOBES", "IOB2").to_pylist() == [["O", None, "I-X"], None, [], ["B-X"]]
    with pytest.raises(TagSchemeError, match=r"^tag 'NN' is not a span tag: expected one of scheme IOB2$"):
        convert_known_tags(lists(["NN", None]), "IOB2", "IOBES")


# token       0        1      2    3        4        5    6
GOLD = ["B-X", "I-X", None, "O", "B-Y", "O", "B-X"]


@pytest.mark.parametrize(
    (
        "predicted",
        "counts",
    ),  # gold, predicted and correct spans; [0, 3) is uncertain
    [
        (["B-X", "I-X", "O", "O", "B-Y", "O", "B-X"], (2, 2, 2)),
        (["B-Y", "O", "B-X", "O", "B-Y", "O", "B-X"], (2, 2, 2)),  # differs only in uncertain spans
        (["B-X", "I-X", "I-X", "I-X", "O", "O", "B-X"], (2, 1, 1)),  # overlaps an uncertain span
        (["O", "O", "O", "B-X", "B-Y", "I-Y", "O"], (2, 2, 0)),
    ],
)
def test_spans_that_overlap_uncertain_tokens_do_not_count(predicted, counts):
    pairs = pair_tags(lists(GOLD), lists(predicted))
    (numbers,) = metric_counts(pairs, metric="span_f1", scheme="IOB2").tolist()
    gold, found, correct = counts
    assert numbers == [2 * correct, gold + found]


def test_only_tagged_tokens_are_scored():
    predicted = lists(["B-X", "O", "O", "O", "B-Y", "O", "O"], ["O", "B-X"], ["O"])
    gold = lists(GOLD, [None, "B-X"], ["O"])
    found = evaluate(
        gold,
        predicted,
        scheme="IOB2",
        metric="accuracy",
        config=CONFIG,
        seed=1,
        confidence=np.linspace(0.1, 1, 10, dtype=np.float32),
        span_confidence=np.full(10, 0.5, np.float32),
    )
    assert found.accuracy.support == 8  # of 10, two are untagged
    assert found.accuracy.value == 6 / 8
    assert sum(map(sum, found.confusion.counts)) == 8
    assert {tag: prf.support for tag, prf in found.tags.items()} == {
        "B-X": 3,
        "B-Y": 1,
        "I-X": 1,
        "O": 3,
    }
    assert found.calibration.tokens.support == 8
    # predicted: B-X at 0 is excluded, B-Y at 4 and B-X of the second sequence are scored
    assert found.calibration.spans.support == 2
    assert found.spans["conlleval"].micro.support == 3
    lengths = {s.value: (s.n_sequences, s.n_tokens) for s in found.slices if s.slice == "length"}
    assert lengths == {"1-10": (3, 8)}


def test_an_untagged_token_affects_only_its_neighbours():
    draw = random.Random(3)
    gold = [draw.choices(("O", "B-X", "O", "O"), k=12) for _ in range(30)]
    said = [draw.choices(("O", "B-X", "O", "O"), k=12) for _ in range(30)]
    longer = [["O", None, "O", *tags] for tags in gold]
    for metric in ("accuracy", "span_f1"):
        # two more correct tokens in each sequence, and one that is excluded
        before = metric_counts(pair_tags(lists(*gold), lists(*said)), metric=metric, scheme="IOB2")
        padded = [["O", draw.choice(("O", "B-X")), "O", *tags] for tags in said]
        after = metric_counts(pair_tags(lists(*longer), lists(*padded)), metric=metric, scheme="IOB2")
        assert (after - before).tolist() == [[2, 2] if metric == "accuracy" else [0, 0]] * 30


def test_only_certain_gold_spans_have_keys():
    keys = gold_span_keys(lists(["a", "b", "c"], ["d"]), lists(["B-X", None, "B-Y"], ["B-X"]), scheme="IOB2")
    assert keys.to_pylist() == ["Y\x1fc", "X\x1fd"]


def test_examples_in_the_docstrings_hold():
    assert doctest.testmod(partial_tags).failed == 0
