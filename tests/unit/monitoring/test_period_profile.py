"""Profiles of periods, counted by hand and independent of the division into batches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from seqtag.features import Symbols
from seqtag.io.hashing import hash_sequences, hex_hashes
from seqtag.monitoring import Blocks, CountColumns, PeriodProfile, TrainingReference, profile_period
from seqtag.monitoring.count_columns import EDGE
from seqtag.monitoring.validity import IN_TRAIN
from tests.unit.monitoring.simulation import TAGS, known, period, symbols

LAYOUT = CountColumns.of(["O", "B-PER", "I-PER", "B-LOC"], "IOB2")


def batch(
    *sequences: tuple[str, str | None], confidence: Sequence[list[float]] | None = None
) -> pa.RecordBatch:
    lists = pa.list_(pa.string())
    columns = {
        "tokens": pa.array([words.split() for words, _ in sequences], lists),
        "tags": pa.array([None if tags is None else tags.split() for _, tags in sequences], lists),
    }
    if confidence is not None:
        columns["confidence"] = pa.array(confidence, pa.list_(pa.float32()))
    return pa.RecordBatch.from_pydict(columns)


TRAIN = batch(("Ann met Bob", "B-PER O B-PER"), ("in Rome", "O B-LOC"))


def profile(*batches: pa.RecordBatch, layout: CountColumns = LAYOUT) -> PeriodProfile:
    shown = TrainingReference.of_training(
        [TRAIN], words=symbols(["Ann", "met", "Bob", "in", "Rome"]), scheme=layout.scheme
    )
    return profile_period(batches, layout=layout, known=shown)


def test_unknown_words_are_counted_by_token_and_by_type() -> None:
    found = profile(batch(("Eve met Eve in Oslo", None)))  # unknown: Eve twice, Oslo once; types 4
    assert (found.n_tokens, found.unknown_tokens) == (5, 3 / 5)
    assert (found.n_types, found.unknown_types) == (4, 2 / 4)


def test_a_span_is_unseen_unless_train_has_its_type_with_its_text() -> None:
    found = profile(
        batch(
            ("Ann met Ann Lee", "B-PER O B-PER I-PER"),  # Ann seen, "Ann Lee" not
            ("Rome met Rome", "B-LOC O B-PER"),  # a LOC seen, a PER not
        )
    )
    assert found.unseen_spans == {"LOC": (0, 1), "PER": (2, 3)}


def leave_one_out(
    documents: list[str] | None, *, in_train: list[bool], min_count: int = 1
) -> tuple[float, dict[str, tuple[int, int]]]:
    """Return the shares of unknown tokens and unseen spans of three sequences, some of them in train."""
    three = batch(("Ann met Bob", "B-PER O B-PER"), ("Ann left", "B-PER O"), ("Bob met", "B-PER O"))
    ids = hex_hashes(hash_sequences(three.column("tokens"))) if documents is None else documents
    train = three.filter(pa.array(in_train))
    words = [word for tokens in train.column("tokens").to_pylist() for word in tokens]
    counted = pa.table({"symbol": sorted(set(words)), "count": [words.count(w) for w in sorted(set(words))]})
    shown = TrainingReference.of_training(
        [train],
        words=Symbols.of_counts(counted, min_count=min_count),
        scheme="IOB2",
        min_count=min_count,
    )
    reference = three.append_column("document_id", pa.array(ids)).append_column(IN_TRAIN, pa.array(in_train))
    found = profile_period([reference], layout=LAYOUT, known=shown)
    return found.unknown_tokens, found.unseen_spans


def test_words_that_train_has_from_one_document_only_are_unknown_in_it() -> None:
    """Of the seven tokens, only `left` occurs in no other sequence."""
    assert leave_one_out(None, in_train=[True] * 3) == (1 / 7, {"PER": (0, 4)})


def test_words_from_other_sequences_of_the_same_document_are_unknown_in_it() -> None:
    """The first two sequences are a document: of its five tokens, Bob and met are in the other document."""
    assert leave_one_out(["a", "a", "b"], in_train=[True] * 3) == (3 / 7, {"PER": (2, 4)})


def test_sequences_outside_train_are_measured_like_new_data() -> None:
    """Train has the first sequence only: Bob, met and Ann occur once in it, and left not at all."""
    assert leave_one_out(None, in_train=[True, False, False]) == (4 / 7, {"PER": (2, 4)})


def test_a_word_needs_min_count_other_occurrences_to_be_known() -> None:
    """Ann, met and Bob occur twice each, so one other occurrence is left."""
    assert leave_one_out(None, in_train=[True] * 3, min_count=2)[0] == 1.0


def test_a_repeated_sequence_of_train_is_known_by_its_other_copies() -> None:
    twice = batch(("Ann met", "B-PER O"), ("Ann met", "B-PER O"))
    ids = hex_hashes(hash_sequences(twice.column("tokens")))
    shown = TrainingReference.of_training(
        [twice], words=Symbols.of_counts(pa.table({"symbol": ["Ann", "met"], "count": [2, 2]})), scheme="IOB2"
    )
    reference = twice.append_column("document_id", ids).append_column(IN_TRAIN, pa.array([True, True]))
    found = profile_period([reference], layout=LAYOUT, known=shown)
    assert (found.unknown_tokens, found.unseen_spans) == (0.0, {"PER": (0, 2)})


@pytest.mark.parametrize("size", [1, 4])
def test_words_that_train_has_from_one_period_only_are_unknown_in_it(size: int) -> None:
    """Bob occurs only in the undated sequence, met only in January; in may also occur in February."""
    four = batch(("Ann met", "B-PER O"), ("in met", "O O"), ("Ann in", "B-PER O"), ("Bob Bob Ann", None))
    days = pa.array(["2026-01-01", "2026-01-02", "2026-02-01", None])
    months = pa.array(["2026-01-01", "2026-01-02", "2026-01-31", None])
    blocks = Blocks(n=4, share=1.0, unit="sequence", periods=("2026-01", "2026-02"), column="day")
    counted = pa.table({"symbol": ["Ann", "Bob", "in", "met"], "count": [3, 2, 2, 2]})
    shown = TrainingReference.of_training([four], words=Symbols.of_counts(counted), scheme="IOB2")
    found = []
    for dates in (days, months):
        whole = four.append_column("day", dates).append_column(IN_TRAIN, pa.array([True] * 4))
        parts = [whole.slice(i, size) for i in range(0, 4, size)]
        known_by_period = shown.without_periods(parts, blocks=blocks, scheme="IOB2")
        profiled = profile_period(parts, layout=LAYOUT, known=known_by_period, blocks=blocks)
        found.append((round(profiled.unknown_tokens * 9), profiled.unseen_spans))
    assert found == [(4, {"PER": (0, 2)}), (6, {"PER": (2, 2)})]


def test_tags_and_bigrams_are_counted_including_sequence_edges() -> None:
    found = profile(batch(("Ann met", "B-PER O"), ("in", "O")))
    assert found.summary().tags == {"B-PER": 1, "O": 2}
    counts = found.counts[LAYOUT.part("bigrams")]
    pairs = {LAYOUT.label("bigrams", i): int(n) for i, n in enumerate(counts) if n}
    assert pairs == {f"{EDGE} → B-PER": 1, "B-PER → O": 1, f"O → {EDGE}": 2, f"{EDGE} → O": 1}


def test_a_tag_unknown_to_the_model_counts_as_other() -> None:
    found = profile(batch(("Acme", "B-ORG")))
    assert found.summary().tags == {"(other)": 1}
    assert found.unseen_spans == {"": (1, 1)}


def test_lengths_and_confidence_fall_into_bins() -> None:
    found = profile(batch(("a b c d e", None), ("a", None), confidence=[[0.0, 0.24, 0.26, 1.0, 0.5], [0.99]]))
    assert found.summary().lengths == {"1": 1, "4 to 5": 1}
    assert found.summary().confidence == {
        "0.00 to 0.05": 1, "0.20 to 0.25": 1, "0.25 to 0.30": 1, "0.50 to 0.55": 1, "0.95 to 1.00": 2,
    }  # fmt: skip


def test_without_a_scheme_there_are_no_spans() -> None:
    found = profile(batch(("Ann met", "NN VB")), layout=CountColumns.of(["NN", "VB"], "none"))
    assert found.unseen_spans == {}
    assert found.summary().tags == {"NN": 1, "VB": 1}


@pytest.mark.parametrize(
    ("tokens", "tags", "confidence"),
    [
        ([], [], None),
        (None, None, None),
        (["a", None], ["O", "O"], None),
        (["a", "b"], ["O"], None),
        (["a"], [None], None),
        (["a"], ["NN"], None),
        (["a", "b"], ["O", "O"], [0.5]),
    ],
    ids=["empty", "null", "null token", "short tags", "null tag", "stray tag", "short confidence"],
)
def test_a_broken_sequence_counts_only_as_broken(tokens, tags, confidence) -> None:
    lists = pa.list_(pa.string())
    both = pa.RecordBatch.from_pydict(
        {
            "tokens": pa.array([tokens, ["Ann"]], lists),
            "tags": pa.array([tags, ["B-PER"]], lists),
            "confidence": pa.array([confidence, [0.5]], pa.list_(pa.float32())),
        }
    )
    found = profile(both)
    assert (found.n_sequences, found.n_broken, found.n_tokens, found.broken) == (1, 1, 1, 0.5)
    assert found.summary().tags == {"B-PER": 1}


def test_a_period_without_sequences_has_no_rates() -> None:
    found = profile()
    assert (found.n_tokens, found.unknown_tokens, found.unknown_types, found.broken) == (0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("size", [1, 7, 64])
def test_the_division_into_batches_does_not_matter(size: int) -> None:
    whole = period(40, seed=3, confidence=0.8)
    parts = [whole.slice(start, size) for start in range(0, whole.num_rows, size)]
    blocks = Blocks(n=16, share=0.7, unit="sequence")
    one, many = (
        profile_period(b, layout=CountColumns.of(TAGS, "IOB2"), known=known(), blocks=blocks)
        for b in ([whole], parts)
    )
    assert one.summary() == many.summary()
    assert (one.counts == many.counts).all()
    assert (one.table != many.table).nnz == 0
    assert 0 < one.table.sum() < one.counts.sum()  # a share of 0.7


def test_blocks_of_documents_add_up_to_all_counts() -> None:
    found = profile_period(
        [period(40, seed=4)],
        layout=CountColumns.of(TAGS, "IOB2"),
        known=known(),
        blocks=Blocks(n=8, share=1.0, unit="document"),
    )
    assert np.asarray(found.table.sum(axis=0)).ravel().tolist() == found.counts.tolist()


def test_untagged_tokens_count_only_as_tokens() -> None:
    rows = batch(("Ann met Bob Lee", "B-PER O B-PER O"), ("in Rome", None))
    tags = pa.array([["B-PER", "O", None, "O"], None], pa.list_(pa.string()))
    rows = rows.set_column(rows.schema.get_field_index("tags"), "tags", tags)

    broken = profile(rows)
    found = profile(rows, layout=CountColumns.of(LAYOUT.tags, "IOB2", partial=True))

    assert (broken.n_sequences, broken.n_broken) == (1, 1)
    assert (found.n_sequences, found.n_broken, found.n_tokens, found.n_labelled_tokens) == (2, 0, 6, 3)
    layout = found.layout
    pairs = {layout.label("bigrams", i): int(n) for i, n in enumerate(found.counts[layout.bigrams]) if n}
    assert pairs == {f"{EDGE} → B-PER": 1, "B-PER → O": 1, f"O → {EDGE}": 1}
    assert found.unseen_spans == {"PER": (0, 1)}  # Ann, whose ends are known
