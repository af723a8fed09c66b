from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqtag.config import FeaturesConfig
from seqtag.features import Vocabulary, read_word_types
from seqtag.neural.layers.token_features import TokenFeatures
from seqtag.neural.training import batch_sampler as module
from seqtag.neural.training.batch_sampler import BatchSampler, Shape
from seqtag.neural.training.fit_tagger import buckets_worth_compiling
from tests.unit.neural.toy import bucket, lay_ground, rungs_of, train_config

LONG = [("t0", "X"), ("t1", "X"), ("t2", "X"), ("t3", "X"), ("t4", "Y"), ("t5", "Y")]


def drawing(ground, split="train", *, batch_size=16, batch_cells=1000, seed=1):
    features = TokenFeatures(Vocabulary.load(ground.vocabulary), affix_buckets=64)
    word_types = features.of_word_types(read_word_types(ground.encoded / split))
    return BatchSampler(rungs_of(ground, split), word_types, batch_size, batch_cells, seed)


def drawn(ground, split="train", *, epoch=1, **how):
    return list(drawing(ground, split, **how).epoch(epoch))


def test_an_epoch_draws_every_sequence_once_in_batches_of_one_padded_length(toy):
    batches = drawn(toy)
    assert sorted(np.concatenate([batch.rows for batch in batches])) == list(range(160))
    assert {batch.shape.time for batch in batches} == {4, 8}
    n_tokens = sum(int(np.count_nonzero(batch.positions)) for batch in batches)
    assert sum(batch.n_loss_tokens for batch in batches) == n_tokens


def test_a_batch_has_each_of_its_forms_once_and_behind_padding(toy):
    token_ids = np.zeros((160, 8), np.int32)
    for of_length in rungs_of(toy):
        token_ids[of_length.row, : of_length.length] = of_length.token_ids
    for batch in drawn(toy):
        word_ids = batch.rows_of["words"][batch.word_types["word_ids"]]  # [n_forms]
        np.testing.assert_array_equal(word_ids[batch.positions], token_ids[batch.rows, : batch.shape.time])
        assert sorted({0, *batch.positions.ravel()}) == list(range(batch.shape.n_word_types))
        assert len(set(word_ids.tolist())) == batch.shape.n_word_types
        assert word_ids[0] == 0


def test_what_a_batch_looks_up_are_rows_of_tables_each_once(toy):
    one = drawing(toy)
    word_types = {word_type.tobytes() for word_type in one.word_types["affix_ids"]}
    for batch in one.epoch(1):
        for feature, table in (("word_ids", "words"), ("affix_ids", "affixes")):
            rows = batch.rows_of[table]
            assert rows[:2].tolist() == [0, 1]  # padding, and what a dropped word becomes
            assert (np.diff(rows) > 0).all()
            assert batch.word_types[feature].max() < len(rows)
        assert {
            word_type.tobytes() for word_type in batch.rows_of["affixes"][batch.word_types["affix_ids"]]
        } <= word_types


def test_what_is_drawn_depends_on_seed_and_epoch_alone(toy):
    first, again = drawn(toy, epoch=3, seed=5), drawn(toy, epoch=3, seed=5)
    assert [b.rows.tolist() for b in first] == [b.rows.tolist() for b in again]
    for epoch, seed in ((4, 5), (3, 6)):
        other = drawn(toy, epoch=epoch, seed=seed)
        assert [b.rows.tolist() for b in first] != [b.rows.tolist() for b in other]


def test_batches_of_short_sequences_teach_as_many_tokens_as_those_of_long_ones(toy):
    n_tokens = {4: [], 8: []}
    for batch in drawn(toy, batch_size=14):
        n_tokens[batch.shape.time].append(batch.n_loss_tokens)
    short, long = (np.median(of_length) for of_length in n_tokens.values())
    assert short == pytest.approx(long, rel=0.2)


def test_batches_are_of_like_length(toy):
    for batch in drawn(toy, batch_size=2):
        lengths = np.count_nonzero(batch.positions, axis=1)
        assert np.ptp(lengths) <= 1


def test_lengths_are_mixed_within_an_epoch(toy):
    lengths = [batch.shape.time for batch in drawn(toy)]
    assert lengths != sorted(lengths)
    assert lengths != sorted(lengths, reverse=True)


@pytest.mark.parametrize(
    ("batch_size", "batch_cells", "most"),
    [
        (16, 1000, {4: 24, 8: 8}),  # of mean length 3 and 6, over all 4.6: then to what 8 divides
        (4, 1000, {4: 7, 8: 3}),
        (16, 40, {4: 10, 8: 5}),  # as many sequences as fit into 40 tokens and padding
        (16, 5, {4: 1, 8: 1}),  # one in any case
        (1, 1000, {4: 2, 8: 1}),
    ],
)
def test_a_batch_holds_no_more_sequences_and_no_more_tokens_than_allowed(toy, batch_size, batch_cells, most):
    one = drawing(toy, batch_size=batch_size, batch_cells=batch_cells)
    assert {of_length.length: one.most_rows(of_length) for of_length in one.buckets} == most
    sizes = {4: [], 8: []}
    for batch in one.epoch(1):
        sizes[batch.shape.time].append(batch.shape.batch)
    assert all(max(drawn) <= most[length] for length, drawn in sizes.items())
    for of_length in one.buckets:
        assert one.n_batches(of_length) == len(sizes[of_length.length])
        assert sum(sizes[of_length.length]) == len(of_length)


def of_lengths(lengths, *, length, first_row=0):
    """Return sequences of so many tokens, each of word 2 and tag 0, padded to `length`."""
    tokens = (np.arange(length) < np.array(lengths)[:, None]).astype(np.int32)
    return bucket(2 * tokens, 0 * tokens, rows=range(first_row, first_row + len(lengths)))


def drawing_of(*buckets, batch_size=16):
    word_types = {"word_ids": np.arange(3), "affix_ids": np.zeros([3, 9], np.int32)}
    return BatchSampler(buckets, word_types, batch_size, 1000, seed=1)


@given(
    short=st.lists(st.integers(1, 4), min_size=1, max_size=60),
    long=st.lists(st.integers(5, 8), min_size=1, max_size=60),
    batch_size=st.integers(1, 20),
    epoch=st.integers(1, 3),
)
def test_in_every_epoch_a_sequence_comes_once_and_no_batch_is_a_small_rest(short, long, batch_size, epoch):
    buckets = of_lengths(short, length=4), of_lengths(long, length=8, first_row=len(short))
    one = drawing_of(*buckets, batch_size=batch_size)
    batches = list(one.epoch(epoch))
    assert sorted(np.concatenate([batch.rows for batch in batches])) == list(range(len(short) + len(long)))
    for length in (4, 8):
        sizes = [batch.shape.batch for batch in batches if batch.shape.time == length]
        assert max(sizes) - min(sizes) <= 1
    n_tokens = sum(batch.n_loss_tokens for batch in batches)
    assert n_tokens == sum(short) + sum(long)
    assert one.weight_a_batch(np.ones(1, np.float32)) == pytest.approx(n_tokens / len(batches))


def test_the_weight_of_a_batch_is_that_of_its_tokens_with_the_weights_of_tags_and_sequences(monkeypatch):
    monkeypatch.setattr(module, "_WINDOWS_AT_A_TIME", 2)
    weighted = bucket(
        [[2, 2], [2, 0], [2, 2]], [[0, 1], [1, 0], [-1, 1]], weights=[1, 2, 0.5]
    )  # the tag of one token is unknown
    one = drawing_of(weighted, batch_size=1)
    assert sum(1 for _ in one.epoch(1)) == 3
    # 1 * (1 + 3) + 2 * 3 + 0.5 * 3, in three batches
    assert one.weight_a_batch(np.array([1, 3], np.float32)) == pytest.approx(11.5 / 3)


def test_the_shape_that_a_step_is_compiled_for_holds_whole_lanes_and_no_more_than_allowed():
    (shape,) = drawing_of(of_lengths([4] * 33, length=4), batch_size=17).shapes(
        [of_lengths([4] * 33, length=4)]
    )
    assert shape.batch == 16  # 33 in three batches of 11


def test_overlapping_windows_teach_each_token_once(tmp_path):
    features = FeaturesConfig(ladder=(4,), window_overlap=2)
    (batch,) = drawn(lay_ground(tmp_path, {"train": [LONG]}, features=features))
    # windows [0, 4) and [2, 6): of the shared tokens 2 and 3 each window keeps the one nearer to its middle
    in_order = np.argsort(batch.loss_mask[:, 0])[::-1]
    assert batch.loss_mask[in_order].tolist() == [[True, True, True, False], [False, True, True, True]]
    assert batch.rows.tolist() == [0, 0]


def test_a_token_whose_tag_is_unknown_is_not_taught(tmp_path):
    splits = {"train": [[("a", "X"), ("b", "Y")]], "dev": [[("a", "X"), ("b", "NEW"), ("c", "Y")]]}
    (batch,) = drawn(lay_ground(tmp_path, splits), "dev")
    assert batch.loss_mask.tolist() == [[True, False, True, False]]
    assert batch.tag_ids.min() == 0


def test_batches_are_as_large_as_what_they_teach():
    known = of_lengths([4] * 40, length=4)
    half = replace(known, tag_ids=np.where(np.arange(4) < 2, known.tag_ids, -2))
    assert (known.n_loss_tokens, half.n_loss_tokens) == (160, 80)
    one = drawing_of(known, half, batch_size=8)
    # 8 sequences teach 8 * 240 / 80 = 24 tokens in the mean: so do 6 of the one, 12 of the other, in lanes 16
    assert (one.most_rows(known), one.most_rows(half)) == (6, 16)


def test_sequences_come_with_their_weights():
    weighted = bucket([[2], [2], [2]], [[0], [0], [0]], rows=[5, 6, 7], weights=[0.5, 2, 0])
    word_types = {"word_ids": np.arange(3), "affix_ids": np.zeros([3, 9], np.int32)}
    (batch,) = BatchSampler([weighted], word_types, 16, 1000, seed=1).epoch(1)
    assert dict(zip(batch.rows.tolist(), batch.weights.tolist(), strict=True)) == {5: 0.5, 6: 2.0, 7: 0.0}


def test_a_batch_is_filled_up_with_what_teaches_nothing(toy):
    batch = min(drawn(toy), key=lambda batch: batch.shape.batch)
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


def test_a_shape_holds_what_can_be_filled_up_to_it():
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


def test_the_shapes_of_rungs_hold_every_batch_of_the_first_epoch(toy):
    one = drawing(toy)
    shapes = {shape.time: shape for shape in one.shapes(one.buckets)}
    assert set(shapes) == {4, 8}
    assert all(shapes[batch.shape.time].holds(batch.shape) for batch in one.epoch(1))


@pytest.mark.parametrize(
    ("max_epochs", "patience", "lengths"),
    [
        # 160 toy sequences make some 80 windows a rung: about 320 and 640 tokens and padding an epoch
        (1000, 150, [8]),
        (1000, 500, [4, 8]),
        (5, 500, []),
    ],
)
def test_steps_are_compiled_for_lengths_that_a_training_meets_often(toy, max_epochs, patience, lengths):
    config = train_config(max_epochs=max_epochs, patience=patience)
    assert [of_length.length for of_length in buckets_worth_compiling(drawing(toy), config)] == lengths
