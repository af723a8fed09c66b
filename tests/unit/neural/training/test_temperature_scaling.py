import numpy as np
import pytest

from seqtag.neural._tensorflow import tf
from seqtag.neural.heads import CRFHead, SoftmaxHead, ViterbiHead
from seqtag.neural.training import temperature_scaling
from seqtag.neural.training.temperature_scaling import fitted_temperature
from tests.unit.neural.toy import bucket

TAGS = ("O", "B-X", "B-Y")  # all transitions are legal


class ContextFreeNetwork:
    """A network with fixed logits for each word type."""

    def __init__(self, logits, kind=SoftmaxHead):
        self.logits, self.output = tf.constant(logits, tf.float32), kind(TAGS, "IOB2")

    def emissions(self, vectors, positions, columns):  # noqa: ARG002
        return tf.gather(vectors, positions), positions > 0


def fitted(network, buckets):
    return fitted_temperature(network, buckets, network.logits)


def drawn_from(logits, *, n_sequences, length, seed=1):
    """Return windows of random word types with tags drawn from the logits; the last position is padding."""
    draw = np.random.default_rng(seed)
    word_type_ids = draw.integers(1, len(logits), (n_sequences, length + 1)).astype(np.int32)
    word_type_ids[:, -1] = 0
    gumbel = draw.gumbel(size=(*word_type_ids.shape, len(TAGS)))
    tag_ids = np.argmax(logits[word_type_ids] + gumbel, axis=-1).astype(np.int32)
    tag_ids[:, -1] = 0
    return bucket(word_type_ids, tag_ids)


LOGITS = np.random.default_rng(0).normal(size=(40, 3)) * 1.5
DEV = drawn_from(LOGITS, n_sequences=600, length=10)


@pytest.mark.parametrize("kind", [SoftmaxHead, ViterbiHead, CRFHead])
@pytest.mark.parametrize(("factor", "temperature"), [(3.0, 3.0), (1.0, 1.0), (0.75, 0.75)])
def test_the_temperature_of_scaled_logits_is_the_scale(kind, factor, temperature):
    found = fitted(ContextFreeNetwork(factor * LOGITS, kind), [DEV])
    # 6,000 tokens: the standard error is about 2 %
    assert found == pytest.approx(temperature, rel=0.08)


def test_a_sample_over_all_buckets_gives_nearly_the_same_temperature(monkeypatch):
    short = drawn_from(LOGITS, n_sequences=500, length=3, seed=2)
    monkeypatch.setattr(temperature_scaling, "_MOST_CELLS", 4000)
    assert fitted(ContextFreeNetwork(3 * LOGITS), [short, DEV]) == pytest.approx(3.0, rel=0.15)


def test_unknown_tags_do_not_count():
    every_other = np.where(np.arange(600)[:, None] % 2, DEV.tag_ids, -1)
    found = fitted(ContextFreeNetwork(3 * LOGITS), [bucket(DEV.word_type_ids, every_other)])
    assert found == pytest.approx(3.0, rel=0.12)


def test_without_known_tags_the_temperature_is_one():
    unknown = bucket(DEV.word_type_ids, np.full_like(DEV.tag_ids, -1))
    assert fitted(ContextFreeNetwork(LOGITS), [unknown]) == 1.0
    assert fitted(ContextFreeNetwork(LOGITS), []) == 1.0


def test_a_dev_split_without_errors_does_not_make_confidences_certain():
    without_errors = bucket(DEV.word_type_ids, DEV.word_type_ids % 3)
    logits = np.eye(3)[np.arange(40) % 3] * 5
    assert fitted(ContextFreeNetwork(logits), [without_errors]) == pytest.approx(0.5, abs=0.01)
