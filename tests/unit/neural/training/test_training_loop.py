import math

import numpy as np
import pytest

from seqtag.config import TrainConfig
from seqtag.errors import TrainingError
from seqtag.evaluation import EpochRecord
from seqtag.neural.training.batch_sampler import BatchSampler
from seqtag.neural.training.dev_evaluation import DevScore
from seqtag.neural.training.fit_tagger import epoch_line, fit
from seqtag.neural.training.progress import Position, Progress
from seqtag.neural.training.training_loop import epochs
from tests.unit.neural.toy import bucket


class StubEngine:
    """Returns the given losses, one per step, and records its learning rates."""

    def __init__(self, *losses):
        self._losses, self.rates = iter(losses), []

    def train_step(self, _batch):
        return next(self._losses)

    def set_learning_rate(self, rate):
        self.rates.append(rate)

    def word_type_vectors(self, _word_types):
        raise AssertionError("dev must be scored by the function that the test passes")

    predict = word_type_vectors


def tagged(*, tag_ids, rows):
    return bucket(np.full_like(np.array(tag_ids), 2), tag_ids, rows=rows)


def records(engine, buckets, *, scores=(0.5,), batch_size=2, decay=0.0, start=None):
    given = iter(scores)
    config = TrainConfig(batch_size=batch_size, learning_rate=0.5, decay=decay)
    word_types = {"word_ids": np.arange(3), "affix_ids": np.zeros([3, 9], np.int32)}
    sampler = BatchSampler(buckets, word_types, batch_size, 1000, seed=1)
    events = epochs(
        engine, sampler, score=lambda _: DevScore(next(given), 0.25), config=config, start=start or Position()
    )
    return (event for event in events if isinstance(event, EpochRecord))


def record(epoch, score, accuracy=0.5):
    return EpochRecord(epoch, 0.3121, score, accuracy, 41.2, 9800.4, 1e-3)


def fitted(scores, *, patience=2, max_epochs=100, accuracies=None):
    requested = []
    accuracies = accuracies or [0.5] * len(scores)

    def events():
        for epoch, (score, accuracy) in enumerate(zip(scores, accuracies, strict=True), start=1):
            requested.append(epoch)
            yield record(epoch, score, accuracy)

    config = TrainConfig(patience=patience, max_epochs=max_epochs)
    return fit(
        events(),
        config=config,
        weights=lambda: {"w": np.array(requested[-1])},
        report=lambda _: None,
        save=lambda _: None,
        start=Progress(),
    )


def test_loss_is_the_mean_over_the_tokens_in_the_loss():
    known = tagged(tag_ids=[[0, 1], [0, -1], [1, 1]], rows=[4, 5, 6])  # five known tags, in two batches
    first = next(records(StubEngine(2.0, 0.5), [known]))
    assert first.loss == 0.5
    assert (first.epoch, first.dev_score, first.dev_accuracy, first.learning_rate) == (1, 0.5, 0.25, 0.5)
    assert first.seconds > 0
    assert first.tokens_per_second > 0


def test_epochs_are_trained_on_request():
    engine = StubEngine(1.0, 2.0)  # a third epoch would find no loss
    coming_epochs = records(engine, [tagged(tag_ids=[[0]], rows=[0])], scores=(0.1, 0.2))
    assert [next(coming_epochs).dev_score, next(coming_epochs).dev_score] == [0.1, 0.2]


def test_the_learning_rate_falls_from_epoch_to_epoch():
    engine = StubEngine(1.0, 1.0, 1.0)
    coming_epochs = records(engine, [tagged(tag_ids=[[0]], rows=[0])], scores=(0.1, 0.2, 0.3), decay=0.25)
    rates = [next(coming_epochs).learning_rate for _ in range(3)]
    assert rates == engine.rates == [0.5, 0.4, pytest.approx(1 / 3)]  # 0.5 / (1 + 0.25 * (epoch - 1))


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_is_an_error_with_epoch_batch_and_rows(loss):
    coming_epochs = records(StubEngine(1.0, 1.0, 1.0, loss), [tagged(tag_ids=[[0]] * 3, rows=[70, 80, 90])])
    next(coming_epochs)
    with pytest.raises(TrainingError, match=rf"epoch 2, batch 2: loss is {loss} \(rows (70|80|90)"):
        next(coming_epochs)


def test_a_long_list_of_rows_is_shortened_in_the_message():
    coming_epochs = records(StubEngine(math.nan), [tagged(tag_ids=[[0]] * 16, rows=range(16))], batch_size=16)
    with pytest.raises(TrainingError, match=r"rows (\d+, ){7}\d+ and 8 more of the snapshot"):
        next(coming_epochs)


def test_a_split_without_known_tags_is_an_error():
    with pytest.raises(TrainingError, match="train: no token has a loss"):
        next(records(StubEngine(0.0), [tagged(tag_ids=[[-1, -1]], rows=[0])]))


def test_sequences_of_weight_zero_have_no_loss():
    weightless = bucket([[2, 2]], [[0, 1]], weights=[0])
    with pytest.raises(TrainingError, match="train: no token has a loss"):
        next(records(StubEngine(0.0), [weightless]))


def test_training_stops_when_patience_runs_out():
    result = fitted([0.1, 0.3, 0.2, 0.3, 0.9], patience=2)
    assert [r.epoch for r in result.history] == [1, 2, 3, 4]


def test_patience_starts_at_the_first_score_above_zero():
    result = fitted([0.0, 0.0, 0.0, 0.0, 0.1, 0.0, 0.0, 0.9], patience=2)
    assert [r.epoch for r in result.history] == [1, 2, 3, 4, 5, 6, 7]


def test_best_weights_are_kept():
    result = fitted([0.1, 0.3, 0.2, 0.1], patience=2)
    assert result.best.epoch == 2
    assert result.best_weights["w"] == 2


def test_training_stops_after_the_maximum_number_of_epochs():
    assert len(fitted([0.1, 0.2, 0.3, 0.4], max_epochs=3).history) == 3


def test_accuracy_breaks_ties_of_the_score():
    result = fitted([0.3, 0.3, 0.3, 0.3], accuracies=[0.5, 0.7, 0.6, 0.6], patience=2)
    assert result.best.epoch == 2


def test_an_epoch_is_one_line_with_units():
    line = epoch_line(record(7, 0.8421), "span_f1")
    assert line == "epoch 7: dev span F1 0.842, loss 0.312, 41 s, 9,800 tokens/s"


def test_a_resumed_epoch_continues_after_the_batches_already_done():
    whole = next(records(StubEngine(2.0, 0.5), [tagged(tag_ids=[[0, 1], [0, -1], [1, 1]], rows=[4, 5, 6])]))
    done = Position(epoch=1, n_batches=1, loss_sum=2.0, n_loss_tokens=4, seconds=100.0)
    engine = StubEngine(0.5)  # another batch would find no loss
    rest = records(engine, [tagged(tag_ids=[[0, 1], [0, -1], [1, 1]], rows=[4, 5, 6])], start=done)
    resumed = next(rest)
    assert (resumed.epoch, resumed.loss) == (1, whole.loss)
    assert resumed.seconds > 100


def test_errors_of_a_resumed_epoch_count_the_batches_already_done():
    known = tagged(tag_ids=[[0]] * 6, rows=[1, 2, 3, 4, 5, 6])
    start = Position(epoch=3, n_batches=2, loss_sum=1.0, n_loss_tokens=4)
    with pytest.raises(TrainingError, match=r"^epoch 3, batch 3: loss is nan"):
        next(records(StubEngine(math.nan), [known], start=start))


def test_a_finished_training_does_not_continue():
    history = (record(1, 0.5), record(2, 0.4), record(3, 0.3))
    start = Progress(Position(4), history, {"w": np.array(1)})
    result = fit(
        iter(()),  # requesting an event is an error
        config=TrainConfig(patience=2, max_epochs=100),
        weights=dict,
        report=lambda _: None,
        save=lambda _: None,
        start=start,
    )
    assert result is start
    assert result.best.epoch == 1
