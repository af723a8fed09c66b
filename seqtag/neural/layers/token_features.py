"""What a model sees of a token: numbers made from its text, in TensorFlow, so that training, tagging and the
SavedModel make the same ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seqtag.features import PAD_ID, UNK, UNK_ID, Vectors, Vocabulary, lower_case
from seqtag.neural._tensorflow import tf

Forms = Mapping[str, Any]  # the features of forms by name, row 0 is padding

N_CHARACTERS = 24  # of a token; of a longer one the first 16 and the last 8, where affixes are
_HEAD, _TAIL = 16, 8
N_AFFIXES = 9
_LONG = 8  # characters; longer tokens are of one size
_FORMS_AT_A_TIME = 2**16


class TokenFeatures(tf.Module):  # type: ignore[misc]  # tensorflow is untyped
    """Numbers that a token's text gives.

    Args:
        vocabulary: words and characters.
        affix_buckets: ids that prefixes, suffixes and shapes are hashed to.
        vectors: static vectors, of which row n + 1 is the n-th.

    Call arguments:
        tokens: `<string>[n]`.

    Returns: a table of
        word_ids: `<int32>[n]`.
        rare: `<bool>[n]`, the word occurs once in train.
        vector_ids: `<int32>[n]`, the row of the static vector, 0 for none.
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
        folded = self._folded(tokens)
        word_ids = self._words.lookup(folded)  # [n]
        return {
            "word_ids": word_ids,
            "rare": tf.gather(self._rare, word_ids),
            "vector_ids": self._vectors.lookup(folded),
            "affix_ids": self._affix_ids(tokens, folded),
            "character_ids": self._character_ids(tokens),
        }

    def of_word_types(self, word_types: pa.StringArray) -> dict[str, npt.NDArray[Any]]:
        """Return the features of forms `[1 + n_forms, ...]`, those of padding first."""
        parts = [self(tf.constant([""]))]
        for start in range(0, len(word_types), _FORMS_AT_A_TIME):
            parts.append(self(tf.constant(word_types.slice(start, _FORMS_AT_A_TIME).to_pylist(), tf.string)))
        table = {name: np.concatenate([part[name].numpy() for part in parts]) for name in parts[0]}
        table["word_ids"][0], table["rare"][0], table["affix_ids"][0] = PAD_ID, False, PAD_ID
        return table

    def _folded(self, tokens: Any) -> Any:
        if self._fold == "none":
            return tokens
        return tf.strings.regex_replace(self._lowered(tokens), "[0-9]", "0")

    def _lowered(self, tokens: Any) -> Any:
        """Lower each character by itself, by the table of the vocabulary.

        `tf.strings.lower` (2.21) makes ς of the Σ of ΟΔΟΣ, ends at a NUL and lacks newer capitals.
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
        return tf.cast(hashed, tf.int32) + 1  # [n, N_AFFIXES], from 1: 0 is padding

    def _character_ids(self, tokens: Any) -> Any:
        ends = tf.strings.join([_first(tokens, _HEAD), _last(tokens, _TAIL)])
        seen = tf.where(_length(tokens) > N_CHARACTERS, ends, tokens)
        characters = tf.strings.unicode_split(seen, "UTF-8").to_tensor("", shape=[None, N_CHARACTERS])
        return tf.where(characters == "", PAD_ID, self._characters.lookup(characters))


def _shape(tokens: Any) -> Any:
    """Return `Xx` for Paris, `A` for USA, `xXx` for iPhone, `x0` for mp3, `0-x` for 24-hour."""
    digits, capitals = (r"\p{Nd}+", "0"), (r"\p{Lu}{2,}", "1")  # no sign may match what comes after it
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
    """Return a table from capitals to small letters, "" for all other characters."""
    pairs = (tf.constant(of.to_pylist(), tf.string) for of in lower_case())
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(*pairs), default_value="")


def _table(known: pa.StringArray, *, first: int, default: int) -> Any:
    """Return a table of the ids first, first + 1, ... of distinct strings, of which there must be one."""
    ids = tf.range(first, first + len(known), dtype=tf.int32)
    entries = tf.lookup.KeyValueTensorInitializer(tf.constant(known.to_pylist(), tf.string), ids)
    return tf.lookup.StaticHashTable(entries, default_value=default)
