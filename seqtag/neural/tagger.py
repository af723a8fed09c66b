"""A trained tagger, loaded from its bundle: tokens in, tags out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa

from seqtag.errors import RunDirError
from seqtag.features import UNK_ID, TagIndex, Vocabulary, windows
from seqtag.neural.bundle import Bundle, read_bundle
from seqtag.neural.reading import Reader, read_tokens
from seqtag.neural.weights import set_weights
from seqtag.scoring.ragged import flatten


@dataclass(frozen=True)
class Tagged:
    """What a tagger says of sequences: lists as long as their tokens."""

    predicted: pa.ListArray  # list<string>
    confidence: pa.ListArray  # list<float32>, the probability of the predicted tag
    unknown: pa.ListArray  # list<bool>, True: the token is not in the tagger's vocabulary


@dataclass(frozen=True)
class Tagger:
    """Tags sequences of any length and number; memory beyond input and output is bounded."""

    bundle: Bundle
    vocabulary: Vocabulary
    tags: TagIndex
    reader: Reader

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Load a bundle: the architecture comes from this package, digests are verified, nothing is executed.

        Raises:
            RunDirError: a file of the bundle is missing or was changed, or this seqtag does not know its
                recipe.
        """
        bundle, vocabulary, tags, weights = read_bundle(folder)

        from seqtag.neural.engine import KerasReader
        from seqtag.neural.model import RECIPES

        if bundle.recipe not in RECIPES:
            raise RunDirError(
                f"{folder}: a recipe of {sorted(RECIPES)} was required. Received: {bundle.recipe}"
            )
        model = RECIPES[bundle.recipe](bundle.n_words, bundle.n_tags, mode="reading")
        set_weights(model, weights)
        return cls(bundle, vocabulary, tags, KerasReader(model))

    def tag(self, tokens: pa.ListArray) -> Tagged:
        """Tag sequences, given as a `list<string>`; a null sequence counts as empty.

        Sequences beyond the ladder's last rung are read in overlapping windows and stitched.
        """
        flat, offsets = flatten(tokens)
        token_ids = self.vocabulary.ids(flat)  # [n_tokens]
        cut = windows(np.diff(offsets), ladder=self.bundle.ladder, overlap=self.bundle.window_overlap)
        output = read_tokens(self.reader, token_ids, cut, offsets=offsets)  # [n_tokens]
        starts = pa.array(offsets, pa.int32())
        tags = pa.array(self.tags.tags, pa.string()).take(pa.array(output["tag_id"]))
        return Tagged(
            predicted=pa.ListArray.from_arrays(starts, tags),
            confidence=pa.ListArray.from_arrays(starts, pa.array(output["confidence"])),
            unknown=pa.ListArray.from_arrays(starts, pa.array(token_ids == UNK_ID)),
        )
