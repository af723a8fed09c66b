from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqtag.config import FeaturesConfig
from seqtag.features import Vocabulary, encoded_reader, read_word_types
from seqtag.neural.layers.token_features import TokenFeatures
from seqtag.neural.training.batch_sampler import BatchSampler, Shape
from seqtag.neural.training.fit_tagger import buckets_worth_compiling
from tests.unit.neural.toy import bucket, buckets_of, make_corpus, train_config

LONG = [("t0", "X"), ("t1", "X"), ("t2", "X"), ("t3", "X"), ("t4", "Y"), ("t5", "Y")]


def make_sampler(corpus, split="train", *, batch_size=16, max_batch_tokens=1000, seed=1):
    features = TokenFeatures(Vocabulary.load(corpus.vocabulary), affix_buckets=64)
    word_types = features.word_type_table(read_word_types(corpus.encoded / split))
    return BatchSampler(buckets_of(corpus, split), word_types, batch_size, max_batch_tokens, seed)


def draw_batches(corpus, split="train", *, epoch=1, **options):
    return list(make_sampler(corpus, split, **options).epoch(epoch))


def test_an_epoch_draws_every_sequence_once_in_batches_of_equal_padded_length(toy):
    batches = draw_batches(toy)
    assert sorted(np.concatenate([batch.rows for batch in batches])) == list(range(160))
    assert {batch.shape.time for batch in batches} == {4, 8}
    n_tokens = sum(int(np.count_nonzero(batch.positions)) for batch in batches)
    assert sum(batch.n_loss_tokens for batch in batches) == n_tokens


def test_a_batch_holds_padding_and_then_each_of_its_word_types_once(toy):
    token_ids = np.zeros((160, 8), np.int32)
    for each in buckets_of(toy):
        token_ids[each.row, : each.length] = each.token_ids
    for batch in draw_batches(toy):
        word_ids = batch.rows_of["words"][batch.word_types["word_ids"]]  # [n_word_types]
        np.testing.assert_array_equal(word_ids[batch.positions], token_ids[batch.rows, : batch.shape.time])
        assert sorted({0, *batch.positions.ravel()}) == list(range(batch.shape.n_word_types))
        assert len(set(word_ids.tolist())) == batch.shape.n_word_types
        assert word_ids[0] == 0


def test_a_batch_lists_each_table_row_it_uses_once(toy):
    sampler = make_sampler(toy)
    word_types = {word_type.tobytes() for word_type in sampler.word_types["affix_ids"]}
    for batch in sampler.epoch(1):
        for feature, table in (("word_ids", "words"), ("affix_ids", "affixes")):
            rows = batch.rows_of[table]
            assert rows[:2].tolist() == [0, 1]  # padding, and the id of dropped words
            assert (np.diff(rows) > 0).all()
            assert batch.word_types[feature].max() < len(rows)
        assert {
            word_type.tobytes() for word_type in batch.rows_of["affixes"][batch.word_types["affix_ids"]]
        } <= word_types


def test_batches_depend_on_seed_and_epoch_only(toy):
    first, again = draw_batches(toy, epoch=3, seed=5), draw_batches(toy, epoch=3, seed=5)
    assert [b.rows.tolist() for b in first] == [b.rows.tolist() for b in again]
    for epoch, seed in ((4, 5), (3, 6)):
        other = draw_batches(toy, epoch=epoch, seed=seed)
        assert [b.rows.tolist() for b in first] != [b.rows.tolist() for b in other]


def test_batches_of_short_and_long_sequences_have_similar_numbers_of_loss_tokens(toy):
    n_tokens = {4: [], 8: []}
    for batch in draw_batches(toy, batch_size=14):
        n_tokens[batch.shape.time].append(batch.n_loss_tokens)
    short, long = (np.median(counts) for counts in n_tokens.values())
    assert short == pytest.approx(long, rel=0.2)


def test_sequences_in_a_batch_have_similar_lengths(toy):
    for batch in draw_batches(toy, batch_size=2):
        lengths = np.count_nonzero(batch.positions, axis=1)
        assert np.ptp(lengths) <= 1


def test_lengths_are_mixed_within_an_epoch(toy):
    lengths = [batch.shape.time for batch in draw_batches(toy)]
    assert lengths != sorted(lengths)
    assert lengths != sorted(lengths, reverse=True)


@pytest.mark.parametrize(
    ("batch_size", "max_batch_tokens", "most"),
    [
        (16, 1000, {4: 24, 8: 8}),  # mean lengths are 3 and 6, overall 4.6; rounded to multiples of 8
        (4, 1000, {4: 7, 8: 3}),
        (16, 40, {4: 10, 8: 5}),  # as many sequences as fit into 40 tokens and padding
        (16, 5, {4: 1, 8: 1}),  # at least one
        (1, 1000, {4: 2, 8: 1}),
    ],
)
def test_batches_do_not_exceed_the_limits_of_sequences_and_tokens(toy, batch_size, max_batch_tokens, most):
    sampler = make_sampler(toy, batch_size=batch_size, max_batch_tokens=max_batch_tokens)
    assert {of_length.length: sampler.most_rows(of_length) for of_length in sampler.buckets} == most
    sizes = {4: [], 8: []}
    for batch in sampler.epoch(1):
        sizes[batch.shape.time].append(batch.shape.batch)
    assert all(max(drawn) <= most[length] for length, drawn in sizes.items())
    for of_length in sampler.buckets:
        assert sampler.n_batches(of_length) == len(sizes[of_length.length])
        assert sum(sizes[of_length.length]) == len(of_length)


def of_lengths(lengths, *, length, first_row=0):
    """Return sequences of the given lengths, all of word 2 and tag 0, padded to `length`."""
    tokens = (np.arange(length) < np.array(lengths)[:, None]).astype(np.int32)
    return bucket(2 * tokens, 0 * tokens, rows=range(first_row, first_row + len(lengths)))


def sampler_of(*buckets, batch_size=16):
    word_types = {"word_ids": np.arange(3), "affix_ids": np.zeros([3, 9], np.int32)}
    return BatchSampler(buckets, word_types, batch_size, 1000, seed=1)


@given(
    short=st.lists(st.integers(1, 4), min_size=1, max_size=60),
    long=st.lists(st.integers(5, 8), min_size=1, max_size=60),
    batch_size=st.integers(1, 20),
    epoch=st.integers(1, 3),
)
def test_an_epoch_has_every_sequence_once_and_batches_of_similar_size(short, long, batch_size, epoch):
    buckets = of_lengths(short, length=4), of_lengths(long, length=8, first_row=len(short))
    sampler = sampler_of(*buckets, batch_size=batch_size)
    batches = list(sampler.epoch(epoch))
    assert sorted(np.concatenate([batch.rows for batch in batches])) == list(range(len(short) + len(long)))
    for length in (4, 8):
        sizes = [batch.shape.batch for batch in batches if batch.shape.time == length]
        assert max(sizes) - min(sizes) <= 1
    n_tokens = sum(batch.n_loss_tokens for batch in batches)
    assert n_tokens == sum(short) + sum(long)
    assert sampler.weight_per_batch(np.ones(1, np.float32)) == pytest.approx(n_tokens / len(batches))


def test_the_weight_per_batch_includes_the_weights_of_tags_and_sequences(monkeypatch):
    monkeypatch.setattr(encoded_reader, "_WINDOWS_AT_A_TIME", 2)
    weighted = bucket(
        [[2, 2], [2, 0], [2, 2]], [[0, 1], [1, 0], [-1, 1]], weights=[1, 2, 0.5]
    )  # the tag of one token is unknown
    sampler = sampler_of(weighted, batch_size=1)
    assert sum(1 for _ in sampler.epoch(1)) == 3
    # 1 * (1 + 3) + 2 * 3 + 0.5 * 3, in three batches
    assert sampler.weight_per_batch(np.array([1, 3], np.float32)) == pytest.approx(11.5 / 3)


def test_a_compiled_shape_is_a_multiple_of_the_lanes_within_the_limit():
    (shape,) = sampler_of(of_lengths([4] * 33, length=4), batch_size=17).shapes(
        [of_lengths([4] * 33, length=4)]
    )
    assert shape.batch == 16  # 33 windows in three batches of 11


def test_each_token_of_overlapping_windows_is_in_the_loss_once(tmp_path):
    features = FeaturesConfig(bucket_lengths=(4,), window_overlap=2)
    (batch,) = draw_batches(make_corpus(tmp_path, {"train": [LONG]}, features=features))
    # windows [0, 4) and [2, 6) share tokens 2 and 3; each window keeps the one closer to its middle
    in_order = np.argsort(batch.loss_mask[:, 0])[::-1]
    assert batch.loss_mask[in_order].tolist() == [[True, True, True, False], [False, True, True, True]]
    assert batch.rows.tolist() == [0, 0]


def test_tokens_of_unknown_tag_are_not_in_the_loss(tmp_path):
    splits = {"train": [[("a", "X"), ("b", "Y")]], "dev": [[("a", "X"), ("b", "NEW"), ("c", "Y")]]}
    (batch,) = draw_batches(make_corpus(tmp_path, splits), "dev")
    assert batch.loss_mask.tolist() == [[True, False, True, False]]
    assert batch.tag_ids.min() == 0


def test_buckets_with_fewer_loss_tokens_have_larger_batches():
    known = of_lengths([4] * 40, length=4)
    half = replace(known, tag_ids=np.where(np.arange(4) < 2, known.tag_ids, -2))
    assert (known.n_loss_tokens, half.n_loss_tokens) == (160, 80)
    sampler = sampler_of(known, half, batch_size=8)
    # 8 sequences have 8 * 240 / 80 = 24 loss tokens on average, as have 6 of `known` or 12 of `half`, which
    # are rounded to 16
    assert (sampler.most_rows(known), sampler.most_rows(half)) == (6, 16)


def test_batches_carry_the_weights_of_their_sequences():
    weighted = bucket([[2], [2], [2]], [[0], [0], [0]], rows=[5, 6, 7], weights=[0.5, 2, 0])
    word_types = {"word_ids": np.arange(3), "affix_ids": np.zeros([3, 9], np.int32)}
    (batch,) = BatchSampler([weighted], word_types, 16, 1000, seed=1).epoch(1)
    assert dict(zip(batch.rows.tolist(), batch.weights.tolist(), strict=True)) == {5: 0.5, 6: 2.0, 7: 0.0}


def test_a_batch_is_padded_to_a_shape_without_adding_to_the_loss(toy):
    batch = min(draw_batches(toy), key=lambda batch: batch.shape.batch)
    shape = Shape(32, batch.shape.time, 50, {"words": 60, "affixes": 70})
    filled = batch.filled(shape)
    assert filled.shape == shape
    n = len(batch.rows)
    np.testing.assert_array_equal(filled.positions[:n], batch.positions)
    np.testing.assert_array_equal(filled.tag_ids[:n], batch.tag_ids)
    assert filled.n_loss_tokens == batch.n_loss_tokens
    assert not filled.positions[n:].any()
    for name, table in batch.word_types.items():
        np.testing.assert_array_equal(filled.word_types[name][: len(table)], table)
        assert not filled.word_types[name][len(table) :].any()


def test_a_shape_holds_smaller_batches_of_the_same_length():
    shape = Shape(4, 8, 20, {"words": 10, "affixes": 30})
    assert shape.holds(shape)
    assert shape.holds(Shape(1, 8, 5, {"words": 2, "affixes": 3}))
    for larger in (
        Shape(5, 8, 20, {"words": 10, "affixes": 30}),
        Shape(4, 4, 20, {"words": 10, "affixes": 30}),
        Shape(4, 8, 21, {"words": 10, "affixes": 30}),
        Shape(4, 8, 20, {"words": 11, "affixes": 30}),
        Shape(4, 8, 20, {"words": 10, "affixes": 31}),
    ):
        assert not shape.holds(larger)


def test_compiled_shapes_hold_every_batch_of_the_first_epoch(toy):
    sampler = make_sampler(toy)
    shapes = {shape.time: shape for shape in sampler.shapes(sampler.buckets)}
    assert set(shapes) == {4, 8}
    assert all(shapes[batch.shape.time].holds(batch.shape) for batch in sampler.epoch(1))


@pytest.mark.parametrize(
    ("max_epochs", "patience", "lengths"),
    [
        # 160 toy sequences: about 80 windows per bucket, so 320 and 640 tokens and padding per epoch
        (1000, 150, [8]),
        (1000, 500, [4, 8]),
        (5, 500, []),
    ],
)
def test_steps_are_compiled_for_buckets_that_are_trained_often(toy, max_epochs, patience, lengths):
    config = train_config(max_epochs=max_epochs, patience=patience)
    assert [of_length.length for of_length in buckets_worth_compiling(make_sampler(toy), config)] == lengths
