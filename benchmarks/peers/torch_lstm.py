"""Contender PyTorch: the sizes of the recipe `base` in `nn.LSTM`, with batches of similar length.

`nn.LSTM` has no recurrent dropout. The batches are those of seqtag, cut to the longest sequence. There are
three variants. *padded*: the backward direction starts in the padding, so the results are not those of the
recipe, which ignores padding. *packed*: the same results as the recipe, except for dropout. *reversed*: the
same, from two LSTMs that read forward, the second on sequences that are reversed within their length.

The best number of threads depends on sizes and on other load, because threads wait for each other at every
step.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from peers.corpus import Prepared
from peers.measuring import PEAK, SECONDS, Watch, peak_mb, tagged_twice
from seqtag.neural.training.batch_sampler import BatchSampler
from seqtag.neural.training.dev_evaluation import DevSplit
from seqtag.neural.windowed_inference import CELLS, OUTPUT, length_batches

_IGNORED = -1

Variant = Literal["padded", "packed", "reversed"]


class LSTMTagger(nn.Module):
    """Bidirectional LSTM over word ids, with a tag for each token."""

    def __init__(self, n_words: int, n_tags: int, *, variant: Variant) -> None:
        super().__init__()
        self.variant = variant
        self.words = nn.Embedding(n_words, 50, padding_idx=0)
        nn.init.uniform_(self.words.weight, -0.05, 0.05)  # as in Keras
        both = {"batch_first": True, "bidirectional": variant != "reversed"}
        self.lstm = nn.LSTM(50, 100, **both)
        self.backward_lstm = nn.LSTM(50, 100, **both) if variant == "reversed" else None
        self.tags = nn.Linear(200, n_tags)

    def forward(self, ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        x = self.words(ids)  # [batch, time, 50]
        if self.training:
            x = x * nn.functional.dropout(x.new_ones(len(x), 1, 50), 0.1)
        return self.tags(self._states(x, lengths))  # [batch, time, n_tags]

    def _states(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return `[batch, time, 200]`."""
        if self.variant == "packed":
            sequences = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
            return pad_packed_sequence(self.lstm(sequences)[0], batch_first=True)[0]
        states = self.lstm(x)[0]
        if self.backward_lstm is None:
            return states
        time = torch.arange(x.shape[1])
        mirrored = lengths[:, None] - 1 - time  # [batch, time]
        order = torch.where(mirrored >= 0, mirrored, time)[:, :, None]
        backward = self.backward_lstm(x.gather(1, order.expand_as(x)))[0]
        return torch.cat([states, backward.gather(1, order.expand_as(backward))], 2)


def training(folder: str, *, batch_size: int, variant: Variant, threads: int) -> dict[str, float]:
    """Time the second epoch."""
    torch.set_num_threads(threads)
    prepared = Prepared.at(folder)
    watch = Watch()
    learner = _Learner(prepared, batch_size=batch_size, variant=variant, seed=1)
    built = watch.read()
    learner.epoch(1)
    first = watch.read()
    learner.epoch(2)
    second = watch.read()
    return {
        "start_up": max(0.0, built[SECONDS] + first[SECONDS] - second[SECONDS]),
        **second,
        "n_tokens": prepared.n_tokens("train"),
        PEAK: peak_mb(),
    }


def epochs(
    folder: str, *, seed: int, n_epochs: int, variant: Variant, threads: int, until: float | None = None
) -> dict[str, Any]:
    """Train for a number of epochs, or up to a score on dev."""
    torch.set_num_threads(threads)
    prepared = Prepared.at(folder)
    watch, spent = Watch(), 0.0
    learner = _Learner(prepared, batch_size=32, variant=variant, seed=seed)
    dev = DevSplit(prepared.buckets("dev"), prepared.word_ids("dev"), prepared.tags, metric=prepared.metric)
    history = []
    for epoch in range(1, n_epochs + 1):
        learner.epoch(epoch)
        score = dev.score(_Reader(learner.model))
        spent += watch.read()[SECONDS]
        history.append({SECONDS: spent, "score": score.score, "accuracy": score.accuracy})
        if until is not None and score.score >= until:
            break
    return {"history": history}


def tagging(folder: str, *, threads: int) -> dict[str, float]:
    """Time only the model on train: ids in memory, padded batches of similar length, no files."""
    torch.set_num_threads(threads)
    prepared = Prepared.at(folder)
    model = LSTMTagger(prepared.vocabulary.n_words, len(prepared.tags), variant="padded").eval()
    batches = []
    for bucket in prepared.buckets("train"):
        for chosen in length_batches(bucket.windows.length, cells=CELLS):
            lengths = torch.from_numpy(bucket.windows.length[chosen]).long()
            batches.append((torch.from_numpy(bucket.token_ids[chosen, : int(lengths.max())]), lengths))

    def read() -> None:
        with torch.inference_mode():
            for ids, lengths in batches:
                model(ids, lengths).argmax(-1)

    return tagged_twice(read, n_tokens=prepared.n_tokens("train"))


class _Learner:
    def __init__(self, prepared: Prepared, *, batch_size: int, variant: Variant, seed: int) -> None:
        torch.manual_seed(seed)
        self.model = LSTMTagger(prepared.vocabulary.n_words, len(prepared.tags), variant=variant)
        self._optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3, fused=True)
        self._sampler = BatchSampler(
            prepared.buckets("train"), {}, batch_size, prepared.config.train.max_batch_tokens, seed
        )
        self._arrays = {}
        for bucket in prepared.buckets("train"):
            loss_mask = np.arange(bucket.length) < bucket.windows.length[:, None]
            tag_ids = np.where(loss_mask, bucket.tag_ids, _IGNORED)
            arrays = (bucket.token_ids, tag_ids, bucket.windows.length)
            self._arrays[bucket.length] = tuple(torch.from_numpy(array).long() for array in arrays)

    def epoch(self, number: int) -> None:
        self.model.train()
        for ids, tag_ids, lengths in self._batches(number):
            self._optimizer.zero_grad()
            emissions = self.model(ids, lengths)
            loss = nn.functional.cross_entropy(
                emissions.flatten(0, 1), tag_ids.flatten(), ignore_index=_IGNORED
            )
            loss.backward()
            self._optimizer.step()

    def _batches(self, epoch: int) -> Iterator[tuple[torch.Tensor, ...]]:
        for bucket, rows in self._sampler.drawn(epoch):
            token_ids, tag_ids, lengths = self._arrays[bucket.length]
            chosen = torch.from_numpy(rows)
            width = int(lengths[chosen].max())
            yield token_ids[chosen, :width], tag_ids[chosen, :width], lengths[chosen]


class _Reader:
    """Adapter for scoring dev."""

    def __init__(self, model: LSTMTagger) -> None:
        self._model = model.eval()

    def word_type_vectors(self, word_types: Any) -> np.ndarray:
        return word_types["word_ids"]

    def predict(self, vectors: np.ndarray, positions: np.ndarray, columns: Any) -> np.ndarray:  # noqa: ARG002
        output = np.zeros(positions.shape, OUTPUT)
        lengths = torch.from_numpy(np.count_nonzero(positions, axis=1))
        with torch.inference_mode():
            output["tag_id"] = self._model(torch.from_numpy(vectors[positions]), lengths).argmax(-1)
        return output
