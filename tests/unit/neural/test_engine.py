import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqtag.neural._tensorflow import fix_randomness, tf
from seqtag.neural.batches import Batch
from seqtag.neural.engine import KerasEngine, KerasReader
from seqtag.neural.model import seed_model
from seqtag.neural.weights import set_weights, weights_of

N_WORDS, N_TAGS = 12, 3
SEQUENCES = st.lists(st.lists(st.integers(1, N_WORDS - 1), min_size=1, max_size=6), min_size=1, max_size=5)


def without_dropout(n_words, n_tags, *, mode):
    return seed_model(n_words, n_tags, mode="reading")


@cache
def built(recipe=without_dropout, *, n_tags=N_TAGS, learning_rate=0.01, compiled=()):
    fix_randomness(1)
    sizes = {"n_words": N_WORDS, "n_tags": n_tags}
    one = KerasEngine(recipe, **sizes, learning_rate=learning_rate, batch_size=4, compiled=compiled)
    variables = [*one.model.variables, *one._optimizer.variables]
    return one, variables, [np.array(variable.numpy()) for variable in variables]


def engine(*recipe, **how):
    """Return an engine as new; tracing one takes seconds, so one of a kind is built and wound back."""
    one, variables, beginning = built(*recipe, **how)
    for variable, value in zip(variables, beginning, strict=True):
        variable.assign(value)
    one._reader_is_behind = True
    return one


def padded(sequences, *, width):
    rows = np.zeros((len(sequences), width), dtype=np.int32)
    for row, sequence in zip(rows, sequences, strict=True):
        row[: len(sequence)] = sequence
    return rows


def batch(sequences, *, width=6, taught=None):
    """Every third tag is 0, 1, 2."""
    token_ids = padded(sequences, width=width)
    real = token_ids > 0
    return Batch(
        token_ids=token_ids,
        tag_ids=np.where(real, token_ids % N_TAGS, 0).astype(np.int32),
        taught=real if taught is None else np.array(taught),
        rows=np.arange(len(sequences)),
    )


def learnt(engine, *batches):
    losses = [engine.train_step(batch) for batch in batches]
    return losses, weights_of(engine.model)


def assert_same_weights(ours, theirs, *, atol=1e-6):
    for path in ours:
        np.testing.assert_allclose(ours[path], theirs[path], atol=atol, err_msg=path)


@pytest.fixture(scope="module")
def reader():
    fix_randomness(1)
    return KerasReader(seed_model(N_WORDS, N_TAGS, mode="reading"))


THREE = [[2, 3, 4, 5, 6], [7, 8], [9]]


@settings(max_examples=25, deadline=None)
@given(sequences=SEQUENCES, more=st.integers(0, 5), order=st.randoms(use_true_random=False))
def test_padding_and_batch_order_change_nothing_in_what_is_read(reader, sequences, more, order):
    shuffled = list(range(len(sequences)))
    order.shuffle(shuffled)
    together = reader.predict(padded([sequences[i] for i in shuffled], width=6 + more))
    for row, i in zip(together, shuffled, strict=True):
        alone = reader.predict(padded([sequences[i]], width=len(sequences[i])))[0]
        np.testing.assert_allclose(row["confidence"][: len(alone)], alone["confidence"], atol=1e-6)
        clear = alone["confidence"] > 1 / N_TAGS + 1e-5  # a tie may fall either way
        assert (row["tag_id"][: len(alone)] == alone["tag_id"])[clear].all()


def test_padding_and_batch_order_change_nothing_in_what_is_learnt():
    losses, weights = learnt(engine(), batch(THREE, width=5), batch(THREE, width=5))
    padded_losses, padded_weights = learnt(engine(), batch(THREE[::-1], width=9), batch(THREE[::-1], width=9))
    np.testing.assert_allclose(losses, padded_losses, rtol=1e-5)
    assert_same_weights(weights, padded_weights)


def test_a_compiled_step_learns_the_same_as_the_plain_one():
    few, full = batch(THREE), batch([*THREE, [10, 11, 2]])  # the first is filled up to 4 sequences
    losses, weights = learnt(engine(), few, full)
    compiled_losses, compiled_weights = learnt(engine(compiled=(6,)), few, full)
    np.testing.assert_allclose(losses, compiled_losses, rtol=1e-5)
    assert_same_weights(weights, compiled_weights, atol=1e-5)


def test_loss_is_the_cross_entropy_of_the_taught_tokens():
    one = engine()
    probabilities = np.array(one.model(padded([[2, 3, 4]], width=3)))[0]
    taught = batch([[2, 3, 4]], width=3, taught=[[True, False, True]])
    # tags are token ids modulo 3: 2, 0, 1
    loss = -np.log(probabilities[0, 2] * probabilities[2, 1])
    assert one.train_step(taught) == pytest.approx(loss, rel=1e-5)


def test_tokens_that_are_not_taught_do_not_count_in_the_mean():
    """The step is that of the mean over taught tokens: a second, untaught sequence does not halve it."""
    alone = batch([[2, 3]], width=2)
    beside = batch([[2, 3], [2, 3]], width=2, taught=[[True, True], [False, False]])
    assert_same_weights(learnt(engine(), alone)[1], learnt(engine(), beside)[1])


def test_a_batch_that_teaches_nothing_changes_no_weight():
    one = engine()
    before = weights_of(one.model)
    loss, after = learnt(one, batch([[2, 3]], width=2, taught=[[False, False]]))
    assert loss == [0.0]
    assert_same_weights(before, after, atol=0)


def test_gradients_of_word_vectors_are_rows_not_tables(monkeypatch):
    one, seen, three = engine(), [], batch(THREE)
    monkeypatch.setattr(one._optimizer, "apply", lambda gradients, _variables: seen.extend(gradients))
    one._learn(tf.constant(three.token_ids), tf.constant(three.tag_ids), tf.constant(three.taught))
    assert [isinstance(gradient, tf.IndexedSlices) for gradient in seen] == [True] + [False] * 8


def test_the_vector_of_padding_never_moves():
    one = engine(seed_model)
    before = weights_of(one.model)["words/embeddings"][0]
    after = learnt(one, batch(THREE, width=9), batch(THREE, width=9))[1]["words/embeddings"][0]
    assert before.tolist() == after.tolist()


def test_dropout_acts_in_training_and_not_in_reading():
    one, token_ids = engine(seed_model), batch(THREE).token_ids
    training, again = (one.model(token_ids, training=True).numpy() for _ in range(2))
    assert np.abs(training - again).max() > 1e-4
    assert one.predict(token_ids).tolist() == one.predict(token_ids).tolist()


def test_reading_between_steps_does_not_disturb_them():
    undisturbed = learnt(engine(seed_model), batch(THREE), batch(THREE))[0]
    one = engine(seed_model)
    first = one.train_step(batch(THREE))
    one.predict(batch(THREE).token_ids)
    assert [first, one.train_step(batch(THREE))] == undisturbed


def test_an_engine_reads_with_what_it_has_just_learnt(reader):
    one, token_ids = engine(), batch(THREE).token_ids
    for _ in range(2):
        one.train_step(batch(THREE))
        set_weights(reader.model, weights_of(one.model))
        assert one.predict(token_ids).tolist() == reader.predict(token_ids).tolist()


@pytest.mark.parametrize("sequences", [[[2]], [[2], [3]], [[1, 1, 1]]])
def test_one_token_sequences_and_unknown_words_are_learnt_from(sequences):
    losses, _ = learnt(engine(), *[batch(sequences, width=3)] * 30)
    assert losses[-1] < losses[0] / 2


def test_a_single_tag_is_certain():
    one = engine(n_tags=1)
    token_ids = padded(THREE, width=5)
    taught = Batch(token_ids, np.zeros_like(token_ids), token_ids > 0, np.arange(3))
    assert one.train_step(taught) == pytest.approx(0.0, abs=1e-5)
    assert one.predict(token_ids)["confidence"].min() == 1.0


@pytest.mark.slow  # TensorFlow has to start anew with two devices
def test_two_replicas_learn_what_one_process_learns():
    code = """
import numpy as np
from seqtag.neural._tensorflow import fix_randomness, tf
two = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], two)
from seqtag.neural.engine import KerasEngine
from seqtag.neural.weights import weights_of
from tests.unit.neural.test_engine import THREE, batch, without_dropout

def learnt(strategy):
    fix_randomness(1)
    with strategy.scope():
        one = KerasEngine(without_dropout, n_words=12, n_tags=3, learning_rate=0.01, batch_size=4)
    world = strategy.num_replicas_in_sync
    step = tf.function(lambda *arrays: strategy.run(one._learn, arrays))
    for _ in range(5):
        three = batch(THREE)
        arrays = [three.token_ids, three.tag_ids, three.taught]
        step(*(
            strategy.experimental_distribute_values_from_function(
                lambda replica: tf.constant(array[replica.replica_id_in_sync_group :: world])
            )
            for array in arrays
        ))
    return weights_of(one.model)

one = learnt(tf.distribute.OneDeviceStrategy("CPU:0"))
two = learnt(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
print(max(np.abs(one[path] - two[path]).max() for path in one))
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(ran.stdout.split()[-1]) < 1e-6
