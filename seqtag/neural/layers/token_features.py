"""Token features as TensorFlow string operations, shared by training, inference and the SavedModel."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seqtag.features import PAD_ID, UNK, UNK_ID, Vectors, Vocabulary, lower_case
from seqtag.neural._tensorflow import tf

WordTypeFeatures = Mapping[str, Any]  # features of word types by name; row 0 is padding

N_CHARACTERS = 24  # per token; longer tokens keep their first 16 and last 8, which contain the affixes
_HEAD, _TAIL = 16, 8
N_AFFIXES = 9
_LONG = 8  # characters; all longer tokens share one length feature
_WORD_TYPES_AT_ONCE = 2**16

# Features of a word type: shape without the first axis, and dtype.
FEATURE_SPECS: Mapping[str, tuple[tuple[int, ...], Any]] = MappingProxyType(
    {
        "word_ids": ((), tf.int32),
        "rare": ((), tf.bool),
        "vector_ids": ((), tf.int32),
        "affix_ids": ((N_AFFIXES,), tf.int32),
        "character_ids": ((N_CHARACTERS,), tf.int32),
    }
)


class TokenFeatures(tf.Module):  # type: ignore[misc]  # tensorflow is untyped
    """Numeric features of a token's text.

    Args:
        vocabulary: words and characters.
        affix_buckets: number of ids to which prefixes, suffixes, shapes and lengths are hashed.
        vectors: static vectors; the n-th vector, counted from 0, has id n + 1.

    Call arguments:
        tokens: `<string>[n]`.

    Returns: a table of
        word_ids: `<int32>[n]`.
        rare: `<bool>[n]`, True if the word occurs once in train.
        vector_ids: `<int32>[n]`, id of the static vector, 0 if there is none.
        affix_ids: `<int32>[n, N_AFFIXES]`, hashed.
        character_ids: `<int32>[n, N_CHARACTERS]`, right-padded with 0.
    """

    def __init__(self, vocabulary: Vocabulary, *, affix_buckets: int, vectors: Vectors | None = None) -> None:
        super().__init__()
        self._fold, self._buckets = vocabulary.words.fold, affix_buckets
        self._words = _table(vocabulary.words.symbols[UNK_ID:], first=UNK_ID, default=UNK_ID)
        self._characters = _table(vocabulary.characters.symbols[UNK_ID:], first=UNK_ID, default=UNK_ID)
        with_vector = pa.array([], pa.string()) if vectors is None else vectors.words
        self._vectors = _table(pa.concat_arrays([pa.array([UNK]), with_vector]), first=0, default=0)
        self._rare = tf.constant(vocabulary.words.counts == 1)
        self._lower_case = _lower_case()

    def __call__(self, tokens: Any) -> dict[str, Any]:
        folded = self.folded(tokens)
        word_ids = self._words.lookup(folded)  # [n]
        return {
            "word_ids": word_ids,
            "rare": tf.gather(self._rare, word_ids),
            "vector_ids": self._vectors.lookup(folded),
            "affix_ids": self._affix_ids(tokens, folded),
            "character_ids": self._character_ids(tokens),
        }

    def word_type_table(self, word_types: pa.StringArray) -> dict[str, npt.NDArray[Any]]:
        """Return the features of word types, `[1 + n_word_types, ...]`; row 0 is padding."""
        parts = [self(tf.constant([""]))]
        for start in range(0, len(word_types), _WORD_TYPES_AT_ONCE):
            parts.append(
                self(tf.constant(word_types.slice(start, _WORD_TYPES_AT_ONCE).to_pylist(), tf.string))
            )
        table = {name: np.concatenate([part[name].numpy() for part in parts]) for name in parts[0]}
        table["word_ids"][0], table["rare"][0], table["affix_ids"][0] = PAD_ID, False, PAD_ID
        return table

    def folded(self, tokens: Any) -> Any:
        """Return tokens as words are looked up, `<string>[n]`."""
        if self._fold == "none":
            return tokens
        return tf.strings.regex_replace(self._lowered(tokens), "[0-9]", "0")

    def _lowered(self, tokens: Any) -> Any:
        """Lower-case each character independently, with the vocabulary's table.

        `tf.strings.lower` (TensorFlow 2.21) turns the Σ of ΟΔΟΣ into ς, stops at NUL and lacks new capitals.
        """
        characters = tf.strings.unicode_split(tokens, "UTF-8")
        lowered = self._lower_case.lookup(characters.flat_values)
        lowered = tf.where(lowered == "", characters.flat_values, lowered)
        return tf.strings.reduce_join(characters.with_flat_values(lowered), axis=1)

    def _affix_ids(self, tokens: Any, folded: Any) -> Any:
        prefixes = [_first(folded, n) for n in (1, 2, 3)]
        suffixes = [_last(folded, n) for n in (1, 2, 3, 4)]
        size = tf.strings.as_string(tf.minimum(_length(tokens), _LONG))
        texts = [*prefixes, *suffixes, _shape(tokens), size]
        salted = [tf.strings.join([f"{kind} ", text]) for kind, text in enumerate(texts)]
        hashed = tf.strings.to_hash_bucket_fast(tf.stack(salted, axis=1), self._buckets - 1)
        return tf.cast(hashed, tf.int32) + 1  # [n, N_AFFIXES], ids from 1

    def _character_ids(self, tokens: Any) -> Any:
        ends = tf.strings.join([_first(tokens, _HEAD), _last(tokens, _TAIL)])
        shortened = tf.where(_length(tokens) > N_CHARACTERS, ends, tokens)
        characters = tf.strings.unicode_split(shortened, "UTF-8").to_tensor("", shape=[None, N_CHARACTERS])
        return tf.where(characters == "", PAD_ID, self._characters.lookup(characters))  # [n, N_CHARACTERS]


def _shape(tokens: Any) -> Any:
    """Return word shapes: `Xx` for Paris, `A` for USA, `xXx` for iPhone, `x0` for mp3, `0-x` for 24-hour."""
    # No replacement may match a later pattern.
    digits, capitals = (r"\p{Nd}+", "0"), (r"\p{Lu}{2,}", "1")
    for pattern, sign in (digits, capitals, (r"\p{Lu}", "X"), (r"\p{Ll}+", "x"), ("1", "A")):
        tokens = tf.strings.regex_replace(tokens, pattern, sign)
    return tokens


def _length(tokens: Any) -> Any:
    return tf.strings.length(tokens, unit="UTF8_CHAR")


def _first(tokens: Any, n: int) -> Any:
    return tf.strings.substr(tokens, 0, n, unit="UTF8_CHAR")


def _last(tokens: Any, n: int) -> Any:
    begin = tf.maximum(_length(tokens) - n, 0)
    return tf.strings.substr(tokens, begin, tf.fill(tf.shape(begin), n), unit="UTF8_CHAR")


def _lower_case() -> Any:
    """Return a table from upper-case to lower-case letters; other characters map to ""."""
    pairs = (tf.constant(of.to_pylist(), tf.string) for of in lower_case())
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(*pairs), default_value="")


def _table(known: pa.StringArray, *, first: int, default: int) -> Any:
    """Return a table from distinct strings to the ids first, first + 1, ...; `known` must not be empty."""
    ids = tf.range(first, first + len(known), dtype=tf.int32)
    entries = tf.lookup.KeyValueTensorInitializer(tf.constant(known.to_pylist(), tf.string), ids)
    return tf.lookup.StaticHashTable(entries, default_value=default)
