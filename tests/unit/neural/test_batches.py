import numpy as np
import pytest

from seqtag.config import FeaturesConfig, TrainConfig
from seqtag.neural.batches import training_batches
from seqtag.neural.training import worth_compiling
from tests.unit.neural.toy import lay_ground, rungs_of

LONG = [("t0", "X"), ("t1", "X"), ("t2", "X"), ("t3", "X"), ("t4", "Y"), ("t5", "Y")]


def drawn(rungs, *, epoch=1, seed=1, batch_size=16):
    return list(training_batches(rungs, batch_size=batch_size, seed=seed, epoch=epoch))


def test_an_epoch_draws_every_sequence_once_in_batches_of_one_padded_length(toy):
    batches = drawn(rungs_of(toy))
    assert sorted(np.concatenate([batch.rows for batch in batches])) == list(range(160))
    assert {batch.length for batch in batches} == {4, 8}
    assert max(len(batch.rows) for batch in batches) == 16
    n_tokens = sum(int(np.count_nonzero(batch.token_ids)) for batch in batches)
    assert sum(batch.n_taught for batch in batches) == n_tokens


def test_what_is_drawn_depends_on_seed_and_epoch_alone(toy):
    first, again = drawn(rungs_of(toy), epoch=3, seed=5), drawn(rungs_of(toy), epoch=3, seed=5)
    assert [b.rows.tolist() for b in first] == [b.rows.tolist() for b in again]
    for epoch, seed in ((4, 5), (3, 6)):
        other = drawn(rungs_of(toy), epoch=epoch, seed=seed)
        assert [b.rows.tolist() for b in first] != [b.rows.tolist() for b in other]


def test_lengths_are_mixed_within_an_epoch(toy):
    lengths = [batch.length for batch in drawn(rungs_of(toy))]
    assert lengths != sorted(lengths)
    assert lengths != sorted(lengths, reverse=True)


def test_overlapping_windows_teach_each_token_once(tmp_path):
    features = FeaturesConfig(ladder=(4,), window_overlap=2)
    ground = lay_ground(tmp_path, {"train": [LONG]}, features=features)
    (batch,) = drawn(rungs_of(ground))
    # windows [0, 4) and [2, 6): of the shared tokens 2 and 3 each window keeps the one nearer to its middle
    in_order = np.argsort(batch.taught[:, 0])[::-1]
    assert batch.taught[in_order].tolist() == [[True, True, True, False], [False, True, True, True]]
    assert batch.rows.tolist() == [0, 0]


def test_a_token_whose_tag_is_unknown_is_not_taught(tmp_path):
    splits = {"train": [[("a", "X"), ("b", "Y")]], "dev": [[("a", "X"), ("b", "NEW"), ("c", "Y")]]}
    (batch,) = drawn(rungs_of(lay_ground(tmp_path, splits), "dev"))
    assert batch.taught.tolist() == [[True, False, True, False]]
    assert batch.tag_ids.min() == 0


@pytest.mark.parametrize(
    ("max_epochs", "patience", "lengths"),
    [
        # 160 toy sequences make some 80 windows a rung: 5 batches of 16, so 20 and 40 time steps an epoch
        (1000, 100, [8]),
        (1000, 500, [4, 8]),
        (5, 500, []),
    ],
)
def test_steps_are_compiled_for_lengths_that_a_training_meets_often(toy, max_epochs, patience, lengths):
    config = TrainConfig(batch_size=16, max_epochs=max_epochs, patience=patience)
    assert worth_compiling(rungs_of(toy), config) == lengths
