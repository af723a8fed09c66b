import copy
from contextlib import nullcontext
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqtag.config import ModelConfig
from seqtag.features import TagIndex
from seqtag.neural._keras import keras
from seqtag.neural._tensorflow import make_deterministic, tf
from seqtag.neural.encoders import Sizes
from seqtag.neural.network import NetworkPredictor, TaggerNetwork
from seqtag.neural.training.batch_sampler import BatchSampler
from seqtag.neural.training.engine import Engine
from seqtag.neural.weights import set_weights
from tests.unit.neural.toy import SMALL, bucket, train_config, without_native_operations

N_WORDS, TAGS = 12, ("O", "B-X", "I-X")
SEQUENCES = st.lists(st.lists(st.integers(1, N_WORDS - 1), min_size=1, max_size=6), min_size=1, max_size=5)
UNDROPPED = SMALL.model_copy(update={"word_dropout": 0.0, "dropout": 0.0, "recurrent_dropout": 0.0})
ADAM = {"optimizer": "adam", "clip_norm": 0.0, "average": 0.0, "learning_rate": 0.01}


def word_types():
    """One word type per word, every other one rare, with random affixes and characters."""
    draw = np.random.default_rng(0)
    return {
        "word_ids": np.arange(N_WORDS, dtype=np.int32),
        "rare": np.arange(N_WORDS) % 2 == 1,
        "vector_ids": np.zeros(N_WORDS, np.int32),
        "affix_ids": np.pad(draw.integers(1, 1024, (N_WORDS - 1, 9)), ((1, 0), (0, 0))).astype(np.int32),
        "character_ids": np.pad(draw.integers(1, 5, (N_WORDS - 1, 24)), ((1, 0), (0, 0))).astype(np.int32),
    }


def network(recipe="default", *, model=UNDROPPED, output="softmax", tags=TAGS):
    config = ModelConfig() if recipe == "base" else model.model_copy(update={"output": output})
    return TaggerNetwork.build(recipe, Sizes(N_WORDS, 5, len(tags)), config, TagIndex(tags, "IOB2"))


def new_engine(recipe="default", *, compiled=(), seed=1, tag_weights=None, train=ADAM, **options):
    make_deterministic()
    n_tags = len(options.get("tags", TAGS))
    with without_native_operations() if compiled else nullcontext():
        return Engine(
            lambda: network(recipe, **options),
            config=train_config(recipe=recipe, **train),
            seed=seed,
            steps_per_epoch=3,
            weight_per_step=10.0,
            tag_weights=np.array([1.0] * n_tags if tag_weights is None else tag_weights, np.float32),
            compiled=compiled,
        )


@cache
def cached_engine(recipe, dropped, output):
    """Return an engine and its initial state; cached, as tracing takes seconds."""
    one = new_engine(recipe, model=SMALL if dropped else UNDROPPED, output=output)
    return one, one.state()


def engine(recipe="default", *, dropped=False, output="softmax"):
    """Return an engine in its initial state."""
    one, initial = cached_engine(recipe, dropped, output)
    one.restore(initial)
    return copy.copy(one)


def padded(sequences, *, width=None):
    rows = np.zeros((len(sequences), width or max(map(len, sequences))), dtype=np.int32)
    for row, sequence in zip(rows, sequences, strict=True):
        row[: len(sequence)] = sequence
    return rows


def batch(sequences, *, width=6, tag_ids=None, loss_mask=None, weights=None):
    """Return a batch of words; by default, tags are word ids modulo 3 and all are in the loss."""
    words = padded(sequences, width=width)
    tag_ids = np.where(words > 0, words % 3, 0) if tag_ids is None else padded(tag_ids, width=width)
    if loss_mask is not None:
        tag_ids = np.where(loss_mask, tag_ids, -1)
    (one,) = BatchSampler([bucket(words, tag_ids, weights=weights)], word_types(), 99, 9999, seed=1).epoch(1)
    return one


def train_on(engine, *batches):
    losses = [engine.train_step(batch) for batch in batches]
    return losses, engine.weights()


def predict(predictor, sequences, *, width=None):
    return predictor.predict(predictor.word_type_vectors(word_types()), padded(sequences, width=width))


def assert_same_weights(ours, theirs, *, atol=1e-6):
    assert set(ours) == set(theirs)
    for path in ours:
        np.testing.assert_allclose(ours[path], theirs[path], atol=atol, err_msg=path)


@pytest.fixture(scope="module")
def predictor():
    make_deterministic()
    return NetworkPredictor(network())


THREE = [[2, 3, 4, 5, 6], [7, 8], [9]]


@settings(max_examples=25, deadline=None)
@given(sequences=SEQUENCES, more=st.integers(0, 5), order=st.randoms(use_true_random=False))
def test_padding_and_batch_order_do_not_change_predictions(predictor, sequences, more, order):
    shuffled = list(range(len(sequences)))
    order.shuffle(shuffled)
    together = predict(predictor, [sequences[i] for i in shuffled], width=6 + more)
    for row, i in zip(together, shuffled, strict=True):
        alone = predict(predictor, [sequences[i]])[0]
        np.testing.assert_allclose(row["confidence"][: len(alone)], alone["confidence"], atol=1e-6)
        clear = alone["confidence"] > 0.5 + 1e-5  # a tie may fall either way
        assert (row["tag_id"][: len(alone)] == alone["tag_id"])[clear].all()


def test_padding_and_batch_order_do_not_change_the_weights_learned():
    losses, weights = train_on(engine(), batch(THREE, width=5), batch(THREE, width=5))
    padded_losses, padded_weights = train_on(
        engine(), batch(THREE[::-1], width=9), batch(THREE[::-1], width=9)
    )
    np.testing.assert_allclose(losses, padded_losses, rtol=1e-5)
    assert_same_weights(weights, padded_weights)


def test_a_compiled_step_learns_the_same_as_a_traced_one():
    few, full = batch(THREE), batch([*THREE, [10, 11, 2]])
    losses, weights = train_on(engine(), few, full)
    compiled = new_engine(compiled=[full.shape])
    assert full.shape.holds(few.shape)  # so it is padded to this shape
    compiled_losses, compiled_weights = train_on(compiled, few, full)
    np.testing.assert_allclose(losses, compiled_losses, rtol=1e-5)
    assert_same_weights(weights, compiled_weights, atol=1e-5)


def test_a_compiled_step_has_the_same_dropout_as_a_traced_one():
    three = batch(THREE)
    losses, weights = train_on(engine(dropped=True), three, three)
    compiled = new_engine(model=SMALL, compiled=[three.shape])
    compiled_losses, compiled_weights = train_on(compiled, three, three)
    np.testing.assert_allclose(losses, compiled_losses, rtol=1e-4)
    assert_same_weights(weights, compiled_weights, atol=1e-4)


def test_loss_is_the_cross_entropy_of_the_tokens_in_the_mask():
    one = engine()
    emissions, _ = one.network.emissions(one.network.word_type_vectors(word_types()), padded([[2, 3, 4]]))
    probabilities = tf.nn.softmax(emissions[0]).numpy()
    masked = batch([[2, 3, 4]], width=3, loss_mask=[[True, False, True]])
    # tags are word ids modulo 3: 2, 0, 1
    loss = -np.log(probabilities[0, 2] * probabilities[2, 1])
    assert one.train_step(masked) == pytest.approx(loss, rel=1e-5)


def gradients(*batches):
    """Return the gradient of each variable, summed over batches, each the first step of a new engine."""
    total = {}
    for each in batches:
        one = engine()
        before = one.state()
        one.train_step(each)
        for name, moment in one.state().items():
            if "moment 0" in name:  # Adam's first moment, the decayed sum of gradients
                total[name] = total.get(name, 0) + (moment - 0.9 * before[name]) / (1 - 0.9)
    return total


def test_a_token_counts_the_same_in_large_and_small_batches():
    """The gradient of a batch is the sum of the gradients of its sequences."""
    together, alone = gradients(batch(THREE)), gradients(*[batch([sequence]) for sequence in THREE])
    assert {"optimizer:moment 0 affixes", "optimizer:moment 0 dense 0"} < together.keys()
    assert all(np.abs(gradient).max() > 1e-3 for gradient in together.values())
    assert_same_weights(together, alone)


def test_tokens_outside_the_loss_mask_do_not_count():
    alone = batch([[2, 3]], width=2)
    with_masked = batch([[2, 3], [2, 3]], width=2, loss_mask=[[True, True], [False, False]])
    assert_same_weights(train_on(engine(), alone)[1], train_on(engine(), with_masked)[1])


def test_a_sequence_of_weight_zero_has_no_effect():
    alone = batch([[2, 3]], width=2)
    with_weightless = batch([[2, 3], [4, 5]], width=2, weights=[1, 0])
    loss, weights = train_on(engine(), alone)
    other_loss, other_weights = train_on(engine(), with_weightless)
    assert loss == pytest.approx(other_loss, rel=1e-6)
    assert_same_weights(weights, other_weights)


def test_a_sequence_of_weight_two_counts_twice():
    twice = batch([[2, 3, 4], [5, 6], [2, 3, 4]], width=3)
    heavy = batch([[2, 3, 4], [5, 6]], width=3, weights=[2, 1])
    losses, weights = train_on(engine(), twice, twice)
    heavy_losses, heavy_weights = train_on(engine(), heavy, heavy)
    np.testing.assert_allclose(losses, heavy_losses, rtol=1e-5)
    assert_same_weights(weights, heavy_weights)


def test_tag_weights_apply_to_the_loss():
    one = new_engine(tag_weights=[1.0, 0.5, 3.0])
    emissions, _ = one.network.emissions(one.network.word_type_vectors(word_types()), padded([[2, 3, 4]]))
    losses = -tf.nn.log_softmax(emissions[0]).numpy()
    loss = 3 * losses[0, 2] + losses[1, 0] + 0.5 * losses[2, 1]
    assert one.train_step(batch([[2, 3, 4]], width=3)) == pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize("output", ["softmax", "crf"])
def test_a_batch_without_loss_tokens_changes_no_weights(output):
    one = engine(output=output)
    before = one.network.weights()
    loss, after = train_on(one, batch([[2, 3]], width=2, loss_mask=[[False, False]]))
    assert loss == [0.0]
    assert_same_weights(before, after, atol=0)


@pytest.mark.parametrize("recipe", ["base", "default"])
def test_the_vector_of_padding_never_changes(recipe):
    one = engine(recipe, dropped=recipe == "default")
    before = one.network.weights()["words/embeddings"][0]
    after = train_on(one, batch(THREE, width=9), batch(THREE, width=9))[1]["words/embeddings"][0]
    assert before.tolist() == after.tolist()


def test_only_the_words_of_a_batch_are_updated():
    one = engine()
    before = one.network.weights()["words/embeddings"]
    after = train_on(one, batch([[2, 3]], width=2))[1]["words/embeddings"]
    assert np.flatnonzero((before != after).any(axis=1)).tolist() == [2, 3]


def test_a_learning_rate_of_zero_changes_no_weights():
    one = engine(dropped=True)
    before = one.network.weights()
    one.set_learning_rate(0.0)
    assert_same_weights(before, train_on(one, batch(THREE))[1], atol=0)


@pytest.mark.parametrize("recipe", ["base", "default"])
def test_dropout_is_a_function_of_seed_and_step_only(recipe):
    three, losses = batch(THREE), {}
    for seed in (1, 1, 2):
        one = new_engine(recipe, model=SMALL, seed=seed)
        one.set_learning_rate(0.0)  # so that steps differ only in their dropout
        tf.random.set_seed(len(losses))
        drawn = [one.train_step(three) for _ in range(3)]
        assert len(set(drawn)) == 3
        assert losses.setdefault(seed, drawn) == drawn
    assert losses[1] != losses[2]


@pytest.mark.parametrize("recipe", ["base", "default"])
def test_inference_between_steps_does_not_affect_training(recipe):
    undisturbed = train_on(engine(recipe, dropped=recipe == "default"), *[batch(THREE)] * 3)[0]
    one = engine(recipe, dropped=recipe == "default")
    losses = []
    for _ in range(3):
        losses.append(one.train_step(batch(THREE)))
        predict(one, THREE)
        one.weights()
    assert losses == undisturbed


def test_an_engine_predicts_with_its_latest_weights(predictor):
    one = engine()
    for _ in range(2):
        one.train_step(batch(THREE))
        set_weights(predictor.network.variables, one.network.weights())
        assert predict(one, THREE).tolist() == predict(predictor, THREE).tolist()


def test_an_engine_with_a_moving_average_predicts_with_the_average():
    one = new_engine(train=ADAM | {"average": 2.0})  # over 6 steps
    initial = one.network.weights()["tags/kernel"]
    for _ in range(2):
        one.train_step(batch(THREE))
    current, average = one.network.weights()["tags/kernel"], one.weights()["tags/kernel"]
    # after two steps with a span of six, the share of the initial weights is (5 / 6) ** 2
    np.testing.assert_allclose(average, current + (25 / 36) * (initial - current), atol=1e-6)
    plain = NetworkPredictor(network())
    set_weights(plain.network.variables, one.weights())
    assert predict(one, THREE).tolist() == predict(plain, THREE).tolist()


@pytest.mark.parametrize("output", ["softmax", "crf"])
@pytest.mark.parametrize("sequences", [[[2]], [[2], [3]], [[1, 1, 1]]])
def test_sequences_of_one_token_and_unknown_words_can_be_learned(sequences, output):
    one = engine(output=output)
    # only O and B-X, since no sequence begins with I-X (2)
    tag_ids = [[n % 2 for n in sequence] for sequence in sequences]
    losses, _ = train_on(one, *[batch(sequences, width=3, tag_ids=tag_ids)] * 40)
    assert losses[-1] < losses[0] / 2


@pytest.mark.parametrize("output", ["softmax", "viterbi", "crf"])
def test_a_single_tag_is_certain(output):
    one = new_engine(tags=("O",), output=output)
    all_o = batch(THREE, width=5, tag_ids=[[0] * len(sequence) for sequence in THREE])
    assert one.train_step(all_o) == pytest.approx(0.0, abs=1e-5)
    output = predict(one, THREE)[padded(THREE) > 0]
    assert output["confidence"].min() == pytest.approx(1.0, abs=1e-6)
    assert output["span_confidence"].min() == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("is_compiled", [False, True])
def test_the_base_recipe_learns_the_same_as_a_plain_keras_model(is_compiled, monkeypatch):
    """Without dropout, equal batches with repeated words give equal weights."""
    make_deterministic()
    layers = keras.layers
    lstm = layers.Bidirectional(layers.LSTM(100, return_sequences=True))
    head = layers.Dense(len(TAGS), activation="softmax")
    plain = keras.Sequential([layers.Embedding(N_WORDS, 50, mask_zero=True), lstm, head])
    plain.build((None, 6))
    plain.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    first = batch([[2, 3, 2, 5, 2], [7, 2], [2, 2, 2]])
    batches = [first, batch([[3, 3], [2, 9, 9, 9], [4, 4, 2, 6]])]  # ten tokens each, the common divisor
    for module in ("layers.dropout", "layers.bilstm"):
        monkeypatch.setattr(f"seqtag.neural.{module}.keep_mask", lambda shape, *_, **__: tf.ones(shape))
    one = new_engine("base", compiled=[each.shape for each in batches] if is_compiled else ())
    for variable, weight in zip(one.network.variables, plain.get_weights(), strict=True):
        variable.assign(weight)
    for each in batches:
        token_ids = each.rows_of["words"][each.word_types["word_ids"]][each.positions]
        plain.train_on_batch(token_ids, each.tag_ids)
        one.train_step(each)
    for (path, ours), theirs in zip(one.weights().items(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=5e-5, err_msg=path)
