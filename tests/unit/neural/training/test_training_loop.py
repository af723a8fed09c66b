import math

import numpy as np
import pytest

from seqtag.config import TrainConfig
from seqtag.errors import TrainingError
from seqtag.neural.training.batch_sampler import BatchSampler
from seqtag.neural.training.dev_evaluation import DevScore
from seqtag.neural.training.fit_tagger import epoch_line, fit
from seqtag.neural.training.progress import EpochRecord, Position, Progress
from seqtag.neural.training.training_loop import epochs
from tests.unit.neural.toy import bucket


class StubEngine:
    """Returns the losses it was given, one a step, and remembers its learning rates."""

    def __init__(self, *losses):
        self._losses, self.rates = iter(losses), []

    def prepared(self, batch):
        return batch

    def train_step(self, _batch):
        return next(self._losses)

    def set_learning_rate(self, rate):
        self.rates.append(rate)

    def word_type_vectors(self, _word_types):
        raise AssertionError("dev is scored by the function that the test gives")

    predict = word_type_vectors


def tagged(*, tag_ids, rows):
    return bucket(np.full_like(np.array(tag_ids), 2), tag_ids, rows=rows)


def records(engine, buckets, *, scores=(0.5,), batch_size=2, decay=0.0, start=None):
    given = iter(scores)
    config = TrainConfig(batch_size=batch_size, learning_rate=0.5, decay=decay)
    word_types = {"word_ids": np.arange(3), "affix_ids": np.zeros([3, 9], np.int32)}
    drawing = BatchSampler(buckets, word_types, batch_size, 1000, seed=1)
    events = epochs(
        engine, drawing, score=lambda _: DevScore(next(given), 0.25), config=config, start=start or Position()
    )
    return (event for event in events if isinstance(event, EpochRecord))


def record(epoch, score, accuracy=0.5):
    return EpochRecord(epoch, 0.3121, score, accuracy, 41.2, 9800.4, 1e-3)


def fitted(scores, *, patience=2, max_epochs=100, accuracies=None):
    asked = []
    accuracies = accuracies or [0.5] * len(scores)

    def coming():
        for epoch, (score, accuracy) in enumerate(zip(scores, accuracies, strict=True), start=1):
            asked.append(epoch)
            yield record(epoch, score, accuracy)

    config = TrainConfig(patience=patience, max_epochs=max_epochs)
    return fit(
        coming(),
        config=config,
        weights=lambda: {"w": np.array(asked[-1])},
        tell=lambda _: None,
        keep=lambda _: None,
        begun=Progress(),
    )


def test_loss_is_the_mean_over_the_tokens_that_were_taught():
    known = tagged(tag_ids=[[0, 1], [0, -1], [1, 1]], rows=[4, 5, 6])  # five known tags, in two batches
    first = next(records(StubEngine(2.0, 0.5), [known]))
    assert first.loss == 0.5
    assert (first.epoch, first.dev_score, first.dev_accuracy, first.learning_rate) == (1, 0.5, 0.25, 0.5)
    assert first.seconds > 0
    assert first.tokens_per_second > 0


def test_epochs_are_trained_only_when_asked_for():
    engine = StubEngine(1.0, 2.0)  # a third epoch would find no loss
    coming = records(engine, [tagged(tag_ids=[[0]], rows=[0])], scores=(0.1, 0.2))
    assert [next(coming).dev_score, next(coming).dev_score] == [0.1, 0.2]


def test_the_learning_rate_falls_from_epoch_to_epoch():
    engine = StubEngine(1.0, 1.0, 1.0)
    coming = records(engine, [tagged(tag_ids=[[0]], rows=[0])], scores=(0.1, 0.2, 0.3), decay=0.25)
    told = [next(coming).learning_rate for _ in range(3)]
    assert told == engine.rates == [0.5, 0.4, pytest.approx(1 / 3)]  # 0.5 / (1 + 0.25 * (epoch - 1))


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_no_number_is_an_error_with_epoch_batch_and_rows(loss):
    coming = records(StubEngine(1.0, 1.0, 1.0, loss), [tagged(tag_ids=[[0]] * 3, rows=[70, 80, 90])])
    next(coming)
    with pytest.raises(TrainingError, match=rf"epoch 2, batch 2: .* Received: {loss} \(rows (70|80|90)"):
        next(coming)


def test_a_long_list_of_rows_is_cut_in_the_message():
    coming = records(StubEngine(math.nan), [tagged(tag_ids=[[0]] * 16, rows=range(16))], batch_size=16)
    with pytest.raises(TrainingError, match=r"rows (\d+, ){7}\d+ and 8 more of the snapshot"):
        next(coming)


def test_nothing_to_learn_from_is_an_error():
    with pytest.raises(TrainingError, match="tokens with a known tag were required, and a weight"):
        next(records(StubEngine(0.0), [tagged(tag_ids=[[-1, -1]], rows=[0])]))


def test_sequences_of_weight_zero_teach_nothing():
    nothing = bucket([[2, 2]], [[0, 1]], weights=[0])
    with pytest.raises(TrainingError, match="tokens with a known tag were required, and a weight"):
        next(records(StubEngine(0.0), [nothing]))


def test_training_stops_when_dev_has_not_improved_for_as_long_as_patience():
    result = fitted([0.1, 0.3, 0.2, 0.3, 0.9], patience=2)
    assert [r.epoch for r in result.history] == [1, 2, 3, 4]


def test_patience_begins_with_the_first_score_above_zero():
    result = fitted([0.0, 0.0, 0.0, 0.0, 0.1, 0.0, 0.0, 0.9], patience=2)
    assert [r.epoch for r in result.history] == [1, 2, 3, 4, 5, 6, 7]


def test_best_weights_are_kept():
    result = fitted([0.1, 0.3, 0.2, 0.1], patience=2)
    assert result.best.epoch == 2
    assert result.best_weights["w"] == 2


def test_training_stops_after_the_most_epochs():
    assert len(fitted([0.1, 0.2, 0.3, 0.4], max_epochs=3).history) == 3


def test_where_the_score_is_the_same_accuracy_decides():
    result = fitted([0.3, 0.3, 0.3, 0.3], accuracies=[0.5, 0.7, 0.6, 0.6], patience=2)
    assert result.best.epoch == 2


def test_an_epoch_is_one_line_with_units():
    line = epoch_line(record(7, 0.8421), "span_f1")
    assert line == "epoch 7: dev span F1 0.842, loss 0.312, 41 s, 9,800 tokens/s"


def test_an_epoch_goes_on_behind_the_batches_that_are_done():
    whole = next(records(StubEngine(2.0, 0.5), [tagged(tag_ids=[[0, 1], [0, -1], [1, 1]], rows=[4, 5, 6])]))
    done = Position(epoch=1, n_batches=1, loss_sum=2.0, n_loss_tokens=4, seconds=100.0)
    engine = StubEngine(0.5)  # another batch would find no loss
    rest = records(engine, [tagged(tag_ids=[[0, 1], [0, -1], [1, 1]], rows=[4, 5, 6])], start=done)
    went_on = next(rest)
    assert (went_on.epoch, went_on.loss) == (1, whole.loss)
    assert went_on.seconds > 100


def test_batches_behind_the_last_position_are_numbered_from_there_in_an_error():
    known = tagged(tag_ids=[[0]] * 6, rows=[1, 2, 3, 4, 5, 6])
    start = Position(epoch=3, n_batches=2, loss_sum=1.0, n_loss_tokens=4)
    with pytest.raises(TrainingError, match=r"^epoch 3, batch 3: a finite loss"):
        next(records(StubEngine(math.nan), [known], start=start))


def test_a_training_that_is_over_trains_no_further():
    history = (record(1, 0.5), record(2, 0.4), record(3, 0.3))
    begun = Progress(Position(4), history, {"w": np.array(1)})
    result = fit(
        iter(()),  # an event that is asked for is an error
        config=TrainConfig(patience=2, max_epochs=100),
        weights=dict,
        tell=lambda _: None,
        keep=lambda _: None,
        begun=begun,
    )
    assert result is begun
    assert result.best.epoch == 1
