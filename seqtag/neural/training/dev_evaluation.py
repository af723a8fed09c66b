"""Dev score after each epoch, computed on complete sequences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seqtag.config import Metric
from seqtag.evaluation import score_value
from seqtag.features import UNTAGGED_ID, Bucket, TagIndex, Windows, stitched
from seqtag.neural.windowed_inference import Predictor, WordTypeTable, predict_tokens

# Replaces gold tags that the model cannot predict: a separate span in every scheme, so always missed.
_UNSEEN = "I-<unseen>"


class DevScore(NamedTuple):
    """Dev metrics, in [0, 1]."""

    score: float  # the configured metric, which selects the best epoch
    accuracy: float  # share of tokens tagged correctly


class DevSplit:
    """The dev split with its gold tags, prepared once for all epochs.

    Gold tags outside the tag index always count as missed; tokens without a gold tag are ignored.
    """

    def __init__(
        self, buckets: Sequence[Bucket], word_types: WordTypeTable, tags: TagIndex, *, metric: Metric
    ) -> None:
        self._word_types, self._tags, self._metric = word_types, tags, metric
        self._windows = _joined(buckets)
        self._offsets = _offsets(self._windows)
        self._word_type_ids = self._flat([bucket.word_type_ids for bucket in buckets], buckets)
        self._columns = {
            name: self._flat(
                [bucket.columns[name] for bucket in buckets],
                buckets,
                shape=first.shape[2:],
                dtype=first.dtype,
            )
            for name, first in buckets[0].columns.items()
        }
        self._gold_ids = self._flat([bucket.tag_ids for bucket in buckets], buckets)
        untagged = self._gold_ids == UNTAGGED_ID
        self._known: npt.NDArray[np.bool_] | slice = ~untagged if untagged.any() else slice(None)
        self._gold = None if metric == "accuracy" else self._sequences(self._gold_ids)

    def score(self, predictor: Predictor) -> DevScore:
        """Tag dev and compare with the gold tags."""
        vectors = predictor.word_type_vectors(self._word_types)
        output = predict_tokens(
            predictor,
            vectors,
            self._word_type_ids,
            self._windows,
            columns=self._columns,
            offsets=self._offsets,
        )
        tag_ids = output["tag_id"]
        correct = (tag_ids == self._gold_ids)[self._known]
        accuracy = float(np.mean(correct)) if len(correct) else 0.0
        if self._gold is None:
            return DevScore(accuracy, accuracy)
        predicted = self._sequences(tag_ids)
        value = score_value(self._gold, predicted, metric=self._metric, scheme=self._tags.scheme)
        return DevScore(0.0 if math.isnan(value) else value, accuracy)  # NaN: no gold or predicted spans

    def _flat(
        self,
        padded: Sequence[npt.NDArray[Any]],
        buckets: Sequence[Bucket],
        *,
        shape: tuple[int, ...] = (),
        dtype: npt.DTypeLike = np.int32,
    ) -> npt.NDArray[Any]:
        """Return `[n_tokens, *shape]`, all sequences concatenated."""
        values_by_window = (
            (bucket.windows.take(part), rows[part])
            for bucket, rows in zip(buckets, padded, strict=True)
            for part in bucket.parts()
        )
        return stitched(values_by_window, offsets=self._offsets, dtype=dtype, shape=shape)

    def _sequences(self, tag_ids: npt.NDArray[np.int32]) -> pa.ListArray:
        names = pa.array([*self._tags.tags, _UNSEEN], pa.string())
        named = np.where(tag_ids < 0, len(self._tags), tag_ids)
        untagged = tag_ids == UNTAGGED_ID
        values = names.take(pa.array(named, mask=untagged if untagged.any() else None))
        return pa.ListArray.from_arrays(pa.array(self._offsets, pa.int32()), values)


def _joined(buckets: Sequence[Bucket]) -> Windows:
    names = [field.name for field in fields(Windows)]
    return Windows(*(np.concatenate([getattr(bucket.windows, name) for bucket in buckets]) for name in names))


def _offsets(windows: Windows) -> npt.NDArray[np.int64]:
    """Return `<int64>[n_sequences + 1]`, the offset of each sequence among all tokens."""
    lengths = np.zeros(int(windows.sequence.max(initial=-1)) + 1, dtype=np.int64)
    np.maximum.at(lengths, windows.sequence, windows.start + windows.keep_stop)
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
