"""Further columns of tokens in TensorFlow, for the SavedModel: typed values to ids and scaled numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from seqtag.config import CategoryColumn, NumberColumn, SetColumn, TimeColumn
from seqtag.corpus.whitespace import WHITE_SPACE
from seqtag.features import UNK_ID, ColumnIndex, LearnedColumn
from seqtag.features.column_index import CLIP, DAY, FIRST_MONDAY, WEEK
from seqtag.features.gazetteers import BEGIN_ID, INSIDE_ID, Gazetteer
from seqtag.features.time_zones import utc_offsets
from seqtag.neural._tensorflow import tf

_AROUND = f"^[{WHITE_SPACE}]+|[{WHITE_SPACE}]+$"  # of members of sets


class ColumnFeatures(tf.Module):  # type: ignore[misc]  # tensorflow is untyped
    """Encodes columns as `ColumnIndex.encoded` does.

    Args:
        index: columns and gazetteers.
        fold: folds tokens, `<string>[n]`, as words are.

    Call arguments:
        tokens: `<string>[batch, time]`.
        columns: by name, `[batch, time]`: `<string>` for a category or a set, "" where missing; `<float64>`
            for a number and for a time, in seconds since 1970, NaN where missing.
        real: `<bool>[batch, time]`, True at tokens.

    Returns: `ids`, `<int32>[batch, time, n_ids]`, and `values`, `<float32>[batch, time, n_values]`, both 0 at
    padding; a part of width 0 is left out.
    """

    def __init__(self, index: ColumnIndex, fold: Callable[[Any], Any]) -> None:
        super().__init__()
        self._index, self._fold = index, fold
        self._phrases = {
            each.name: [_table(phrases.to_pylist()) for phrases in each.by_length.values()]
            for each in index.gazetteers
        }
        self._known = {
            learned.column.name: _table(learned.known)
            for learned in index.columns
            if isinstance(learned.column, CategoryColumn | SetColumn)
        }

    def __call__(self, tokens: Any, columns: Mapping[str, Any], real: Any) -> dict[str, Any]:
        parts: dict[str, list[Any]] = {"ids": [], "values": []}
        for learned in self._index.columns:
            raw = columns[learned.column.name]
            if learned.vectors is not None:
                parts["ids"].append(tf.where(real, self._ids(learned, raw), 0)[..., None])
            if learned.n_values:
                values = self._values(learned, raw, real)  # [batch, time, n_values]
                parts["values"].append(tf.where(real[..., None], values, 0.0))
        if self._index.gazetteers:
            words = tf.reshape(self._fold(tf.reshape(tokens, [-1])), tf.shape(tokens))
            for gazetteer in self._index.gazetteers:
                parts["ids"].append(tf.where(real, self._phrase_ids(gazetteer, words, real), 0)[..., None])
        return {name: tf.concat(parts[name], axis=-1) for name in self._index.widths}

    def specs(self) -> dict[str, Any]:
        """Return the specification of each column, `[batch, time]`."""
        types = {"category": tf.string, "set": tf.string, "number": tf.float64, "time": tf.float64}
        return {
            learned.column.name: tf.TensorSpec([None, None], types[learned.column.kind], learned.column.name)
            for learned in self._index.columns
        }

    def _ids(self, learned: LearnedColumn, raw: Any) -> Any:
        if isinstance(learned.column, CategoryColumn):
            return self._known[learned.column.name].lookup(raw) + (UNK_ID + 1)
        shape = tf.shape(raw)
        buckets = tf.searchsorted(
            tf.constant(learned.edges, tf.float64), tf.reshape(raw, [-1]), side="right", out_type=tf.int32
        )
        return tf.where(tf.math.is_nan(raw), UNK_ID, tf.reshape(buckets, shape) + (UNK_ID + 1))

    def _phrase_ids(self, gazetteer: Gazetteer, words: Any, real: Any) -> Any:
        """Return what `Gazetteer.ids` does, `<int32>[batch, time]`."""
        ids, time = tf.fill(tf.shape(words), UNK_ID), tf.shape(words)[1]
        for n, phrases in zip(gazetteer.by_length, self._phrases[gazetteer.name], strict=True):
            later = [[0, 0], [0, n - 1]]
            ahead, free = tf.pad(words, later), tf.pad(real & (ids == UNK_ID), later)
            joined = tf.strings.join([ahead[:, k : time + k] for k in range(n)], " ")
            is_free = tf.reduce_all([free[:, k : time + k] for k in range(n)], axis=0)
            found = is_free & (phrases.lookup(joined) >= 0)  # [batch, time]
            behind = tf.pad(found, [[0, 0], [n - 1, 0]])  # found[t] is behind[t + n - 1]
            within = tf.reduce_any([behind[:, k : time + k] for k in range(n)], axis=0)
            ids = tf.where(found, BEGIN_ID, tf.where(within, INSIDE_ID, ids))
        return ids

    def _values(self, learned: LearnedColumn, raw: Any, real: Any) -> Any:
        match learned.column:
            case NumberColumn():
                missing = tf.math.is_nan(raw)
                return _stacked([_scaled(learned, raw), missing])
            case TimeColumn():
                return self._time_values(learned, raw, real, learned.column.zone)
            case SetColumn():
                return self._memberships(learned, raw, learned.column.separator)
            case _:
                raise ValueError(f"a {learned.column.kind} has no values")

    def _time_values(self, learned: LearnedColumn, times: Any, real: Any, zone: str) -> Any:
        missing = tf.math.is_nan(times)
        times = tf.where(real, times, np.nan)
        nothing = tf.fill([tf.shape(times)[0], 1], tf.constant(np.nan, tf.float64))
        gaps = times[:, 1:] - times[:, :-1]  # [batch, time - 1]
        logs = tf.math.log1p(tf.where(gaps < 0, tf.zeros_like(gaps), gaps))
        scaled = [_scaled(learned, tf.concat(pair, axis=1)) for pair in ([nothing, logs], [logs, nothing])]
        starts, shifts = (tf.constant(array, tf.float64) for array in utc_offsets(zone))
        number = tf.searchsorted(starts, tf.reshape(times, [-1]), side="right") - 1
        local = times + tf.reshape(tf.gather(shifts, tf.maximum(number, 0)), tf.shape(times))
        angles = [2 * np.pi * local / DAY, 2 * np.pi * (local - FIRST_MONDAY) / WEEK]
        clock = [function(angle) for angle in angles for function in (tf.sin, tf.cos)]
        return _stacked([*scaled, *clock, missing])

    def _memberships(self, learned: LearnedColumn, raw: Any, separator: str) -> Any:
        n_known = len(learned.known)
        sets, position = tf.unique(tf.reshape(raw, [-1]))  # each distinct set is read once
        members = tf.strings.split(sets, separator)
        names = tf.strings.regex_replace(members.flat_values, _AROUND, "")
        known = self._known[learned.column.name].lookup(names)
        table = tf.reduce_max(
            members.with_flat_values(tf.one_hot(known, n_known)), axis=1
        )  # [n_sets, n_known]
        table = tf.maximum(table, 0.0)  # a set without members has the least number
        return tf.reshape(tf.gather(table, position), tf.concat([tf.shape(raw), [n_known]], axis=0))


def _scaled(learned: LearnedColumn, found: Any) -> Any:
    return tf.clip_by_value((found - learned.centre) / learned.scale, -CLIP, CLIP)


def _stacked(columns: list[Any]) -> Any:
    floats = [tf.cast(column, tf.float32) for column in columns]
    return tf.stack([tf.where(tf.math.is_nan(column), 0.0, column) for column in floats], axis=-1)


def _table(known: Sequence[str]) -> Any:
    """Return a table from known strings, which are not empty, to 0, 1, ...; others are -1."""
    keys, ids = tf.constant([*known, ""], tf.string), tf.constant([*range(len(known)), -1], tf.int32)
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, ids), default_value=-1)
