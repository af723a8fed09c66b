import numpy as np
import pytest

from seqtag.neural._tensorflow import tf
from seqtag.neural.heads import CRFHead, SoftmaxHead, ViterbiHead
from seqtag.neural.training import temperature_scaling
from seqtag.neural.training.temperature_scaling import fitted_temperature
from tests.unit.neural.toy import bucket

TAGS = ("O", "B-X", "B-Y")  # all may follow each other


class Said:
    """A network that has its say on each form, whatever stands beside it."""

    def __init__(self, logits, kind=SoftmaxHead):
        self.logits, self.output = tf.constant(logits, tf.float32), kind(TAGS, "IOB2")

    def emissions(self, vectors, positions):
        return tf.gather(vectors, positions), positions > 0


def fitted(network, buckets):
    return fitted_temperature(network, buckets, network.logits)


def drawn_from(logits, *, n_sequences, length, seed=1):
    """Return windows of random forms whose tags are drawn as the logits say; the last position is padding."""
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
def test_scores_that_are_too_large_by_a_factor_give_it_back_as_the_temperature(kind, factor, temperature):
    found = fitted(Said(factor * LOGITS, kind), [DEV])
    # 6,000 tokens: the standard error is about 2 %
    assert found == pytest.approx(temperature, rel=0.08)


def test_a_sample_spread_over_all_rungs_gives_nearly_the_same(monkeypatch):
    short = drawn_from(LOGITS, n_sequences=500, length=3, seed=2)
    monkeypatch.setattr(temperature_scaling, "_MOST_CELLS", 4000)
    assert fitted(Said(3 * LOGITS), [short, DEV]) == pytest.approx(3.0, rel=0.15)


def test_tags_that_are_unknown_do_not_count():
    every_other = np.where(np.arange(600)[:, None] % 2, DEV.tag_ids, -1)
    found = fitted(Said(3 * LOGITS), [bucket(DEV.word_type_ids, every_other)])
    assert found == pytest.approx(3.0, rel=0.12)


def test_where_nothing_is_known_the_temperature_is_one():
    unknown = bucket(DEV.word_type_ids, np.full_like(DEV.tag_ids, -1))
    assert fitted(Said(LOGITS), [unknown]) == 1.0
    assert fitted(Said(LOGITS), []) == 1.0


def test_a_dev_without_an_error_does_not_make_confidences_certain():
    always_right = bucket(DEV.word_type_ids, DEV.word_type_ids % 3)
    logits = np.eye(3)[np.arange(40) % 3] * 5
    assert fitted(Said(logits), [always_right]) == pytest.approx(0.5, abs=0.01)
