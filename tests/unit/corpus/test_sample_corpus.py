"""The sample corpus, and the best that a tagger can reach on it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from seqtag.config.source_config import SampleSource
from seqtag.corpus.sample_corpus import best_possible, sample_batches, sample_model
from seqtag.corpus.schema import corpus_schema
from seqtag.errors import ConfigError, CorpusFormatError


def sessions(n_sequences: int, *, seed: int = 7, columns: tuple[str, ...] = ()) -> pa.Table:
    source = SampleSource(format="sample", n_sequences=n_sequences, seed=seed)
    return pa.Table.from_batches(list(sample_batches(source, columns)), corpus_schema(columns))


@pytest.fixture(scope="module")
def corpus() -> pa.Table:
    return sessions(3000, columns=("device",))


def test_sessions_have_the_corpus_schema():
    batches = list(sample_batches(SampleSource(format="sample", n_sequences=12), ("channel", "device")))

    assert [batch.schema for batch in batches] == [corpus_schema(("channel", "device"))]
    assert batches[0].num_rows == 12
    batches[0].validate(full=True)


def test_equal_seeds_give_equal_sessions_and_other_seeds_do_not():
    assert sessions(50, seed=3).equals(sessions(50, seed=3))
    assert not sessions(50, seed=3)["tokens"].equals(sessions(50, seed=4)["tokens"])


def test_a_larger_corpus_begins_with_the_smaller_one():
    assert sessions(4500).slice(0, 4200).equals(sessions(4200))


def test_a_further_column_changes_no_session(corpus):
    assert corpus.drop_columns(["device"]).equals(sessions(3000))


def test_sessions_are_numbered_and_users_return(corpus):
    assert corpus["sequence_id"][:2].to_pylist() == ["session-000000", "session-000001"]
    assert len(corpus["document_id"].unique()) < 1500


def test_sessions_have_3_to_60_actions_and_22_on_average(corpus):
    lengths = np.diff(corpus["tokens"].combine_chunks().offsets.to_numpy())

    assert lengths.min() >= 3
    assert lengths.max() == 60
    assert lengths.mean() == pytest.approx(22, abs=1.5)


def test_every_action_and_every_phase_is_drawn(corpus):
    assert set(corpus["tokens"].combine_chunks().flatten().to_pylist()) == set(sample_model().actions)
    assert set(corpus["tags"].combine_chunks().flatten().to_pylist()) == set(sample_model().phases)


def test_no_two_sessions_are_equal(corpus):
    assert len(set(map(tuple, corpus["tokens"].to_pylist()))) == 3000


def test_a_column_that_the_sample_lacks_is_refused():
    with pytest.raises(ConfigError, match=r"expected some of \['channel', 'device'\], got \['genre'\]"):
        sample_batches(SampleSource(format="sample"), ("genre",))


def test_the_whole_session_says_far_more_than_the_past_alone(corpus):
    best = best_possible(corpus["tokens"].combine_chunks(), corpus["tags"].combine_chunks())

    assert 0.70 < best.past_only_expected < 0.80
    assert 0.93 < best.optimum_expected < 0.97
    assert best.past_only_realised == pytest.approx(best.past_only_expected, abs=0.01)
    assert best.optimum_realised == pytest.approx(best.optimum_expected, abs=0.01)
    assert best.n_sequences == 3000
    assert best.n_tokens == len(corpus["tokens"].combine_chunks().flatten())


def test_the_best_possible_does_not_depend_on_chunks_or_slices(corpus):
    tokens, tags = corpus["tokens"].combine_chunks(), corpus["tags"].combine_chunks()
    parts = [best_possible(tokens.slice(s, n), tags.slice(s, n)) for s, n in ((0, 700), (700, 300))]
    whole = best_possible(tokens.slice(0, 1000), tags.slice(0, 1000))

    summed = sum(part.optimum_expected * part.n_tokens for part in parts)
    assert whole.optimum_expected * whole.n_tokens == pytest.approx(summed, abs=1e-6)


def test_a_phase_that_depends_on_the_next_one_is_known_only_afterwards():
    model = sample_model()
    session = [
        "open_app",
        "search",
        "search",
        *["view_item"] * 4,
        *["view_cart"] * 4,
        "enter_card",
        "enter_card",
    ]
    actions = np.array([[model.actions.index(action) for action in session]])
    known = model.posteriors(actions, np.array([len(session)]))
    comparing = model.phases.index("comparing")

    assert known.filtered[0, 5, comparing] < 0.6
    assert known.smoothed[0, 5, comparing] > 0.99


def test_an_action_of_another_corpus_is_refused():
    with pytest.raises(CorpusFormatError, match="got 'the'"):
        best_possible(pa.array([["search", "the"]]), pa.array([["searching", "searching"]]))


def test_a_session_that_the_model_cannot_draw_is_refused():
    with pytest.raises(CorpusFormatError, match="sequences are not from the sample corpus"):
        best_possible(pa.array([["enter_card"]]), pa.array([["paying"]]))
