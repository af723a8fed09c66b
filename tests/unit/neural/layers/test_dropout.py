import numpy as np
import pytest

from seqtag.neural._tensorflow import tf
from seqtag.neural.layers.dropout import SpatialDropout1D, fold_in, keep_mask

SEED = np.array([7, 3], np.int32)


@pytest.mark.parametrize(("rate", "kept"), [(0.1, 10 / 9), (0.25, 4 / 3), (0.5, 2.0)])
def test_a_mask_drops_at_its_rate_and_rescales_the_rest(rate, kept):
    mask = keep_mask([100, 1000], rate, SEED).numpy()
    np.testing.assert_allclose(np.unique(mask), [0, kept], rtol=1e-6)
    # the standard deviation of the share over 100,000 draws is at most 0.0016
    assert np.mean(mask == 0) == pytest.approx(rate, abs=0.01)
    assert mask.mean() == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("shape", [[1], [3, 0], [3, 5]], ids=str)
def test_a_mask_has_its_shape_and_a_rate_of_almost_one_drops_nearly_everything(shape):
    mask = keep_mask(shape, 1 - 1e-9, SEED)
    assert (mask.shape, np.count_nonzero(mask)) == (tuple(shape), 0)


def test_a_rate_of_zero_drops_nothing():
    assert (keep_mask([1000], 0.0, SEED).numpy() == 1.0).all()


@pytest.mark.parametrize("other", [[8, 3], [7, 4], [3, 7]])
def test_a_mask_depends_on_its_seed_only(other):
    tf.random.set_seed(1)
    mask = keep_mask([1000], 0.5, SEED).numpy()
    tf.random.set_seed(2)
    np.testing.assert_array_equal(mask, keep_mask([1000], 0.5, SEED))
    assert 0.4 < np.mean(mask == keep_mask([1000], 0.5, np.array(other, np.int32)).numpy()) < 0.6


def test_a_compiled_mask_equals_an_eager_one():
    compiled = tf.function(lambda seed: keep_mask([20, 30], 0.3, seed), jit_compile=True)
    np.testing.assert_array_equal(compiled(SEED), keep_mask([20, 30], 0.3, SEED))


@pytest.mark.parametrize("axis", [0, 2])
def test_the_sequences_of_a_part_have_their_masks_of_the_whole_batch(axis):
    shape = [5, 1, 5]
    whole = np.moveaxis(keep_mask(shape, 0.5, SEED).numpy(), axis, 0)
    for rank in range(2):
        of_part = np.array([*SEED, rank, 2, 5], np.int32)
        shape[axis] = len(whole[rank::2])
        part = keep_mask(shape, 0.5, of_part, sequences=axis).numpy()
        np.testing.assert_array_equal(np.moveaxis(part, axis, 0), whole[rank::2])


def test_what_all_processes_compute_has_the_mask_of_the_whole_batch():
    of_part = np.array([*SEED, 1, 2, 5], np.int32)
    np.testing.assert_array_equal(keep_mask([50], 0.5, of_part), keep_mask([50], 0.5, SEED))


def test_folded_seeds_give_independent_masks():
    masks = [keep_mask([4000], 0.5, fold_in(SEED, number)).numpy() for number in range(6)]
    for i in range(6):
        for j in range(i):
            assert 0.45 < np.mean(masks[i] == masks[j]) < 0.55


def test_the_largest_seed_can_be_folded():
    largest = np.array([2**31 - 1, 2**31 - 1], np.int32)
    assert fold_in(largest, 6).numpy().tolist() != fold_in(largest, 5).numpy().tolist()


def test_spatial_dropout_drops_whole_features_of_each_sequence():
    y = SpatialDropout1D(0.5)(tf.ones([3, 5, 400]), seed=SEED).numpy()
    assert (y == y[:, :1]).all()  # equal at every time step
    assert set(np.unique(y)) == {0.0, 2.0}
    dropped = y[:, 0] == 0  # [batch, feature]
    assert (np.abs(dropped.mean(axis=1) - 0.5) < 0.1).all()
    assert 0.4 < np.mean(dropped[0] == dropped[1]) < 0.6


def test_without_a_seed_or_a_rate_nothing_is_dropped():
    x = tf.random.stateless_uniform([2, 3, 4], SEED)
    np.testing.assert_array_equal(SpatialDropout1D(0.5)(x), x)
    np.testing.assert_array_equal(SpatialDropout1D(0.0)(x, seed=SEED), x)
