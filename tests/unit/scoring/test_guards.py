"""Guards over many slices, where both models are equally good."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from seqtag.config import EvaluateConfig, GateConfig
from seqtag.scoring.counts import TagPairs
from seqtag.scoring.guards import guarded
from seqtag.scoring.predictions import Predictions

GENRES = pa.chunked_array([pa.array([f"g{i:02d}" for i in range(20) for _ in range(50)])])


def nine_in_ten_right(draw: np.random.Generator) -> Predictions:
    """1,000 sequences of one token, all of them nouns."""
    wrong = (draw.random(1000) >= 0.9).astype(np.int32)
    pairs = TagPairs(("NOUN", "VERB"), np.zeros(1000, np.int32), wrong, np.arange(1001))
    units = np.arange(1000, dtype=np.uint64)
    return Predictions(np.arange(1000), units, pairs, unknown=None, columns={"genre": GENRES})


def test_of_many_guards_none_fails_by_chance_however_few_the_resamples():
    """With a chance of 1 in 20 for each of 40 worlds, more than 6 are seen in 0.3 % of all such tests."""
    draw, failed = np.random.default_rng(3), 0
    evaluate, gate = EvaluateConfig(slices=("genre",)), GateConfig(resamples=100, min_support=50)
    for _ in range(40):
        ours, theirs = nine_in_ten_right(draw), nine_in_ten_right(draw)
        guards = guarded(
            ours, theirs, scheme="none", metric="accuracy", gate=gate, evaluate=evaluate, noise=0, seed=1
        )
        assert len(guards) == 22  # the genres, one length, one tag
        failed += any(guard["high"] < 0 for guard in guards)
    assert failed <= 6
