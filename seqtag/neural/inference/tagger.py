"""A trained tagger, loaded from its bundle: tokens in, tags out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.errors import BundleError, RunDirError
from seqtag.features import UNK_ID, TagIndex, Vocabulary, windows
from seqtag.features.encoded_layout import VECTORS
from seqtag.neural.export.bundle import Bundle, bundled_vectors, read_bundle
from seqtag.neural.weights import set_weights
from seqtag.neural.windowed_inference import Predictor, WordTypeTable, predict_tokens
from seqtag.tagging.ragged import flatten


@dataclass(frozen=True)
class Tagged:
    """What a tagger says of sequences: lists as long as their tokens."""

    predicted: pa.ListArray  # list<string>
    confidence: pa.ListArray  # list<float32>, the probability of the predicted tag
    span_confidence: pa.ListArray  # list<float32>, that of the whole predicted span that the token is in
    unknown: pa.ListArray  # list<bool>, True: the token is not in the tagger's vocabulary


@dataclass(frozen=True)
class Tagger:
    """Tags sequences of any length and number; memory beyond input and output is bounded."""

    bundle: Bundle
    vocabulary: Vocabulary
    tags: TagIndex
    features: Callable[[pa.StringArray], WordTypeTable]
    reader: Predictor

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Load a bundle: the architecture comes from this package, digests are verified, nothing is executed.

        Raises:
            BundleError: a file of the bundle is missing or was changed, or this version of seqtag cannot
                load its recipe.
            RunDirError: a file could not be read, which may pass.
        """
        bundle, vocabulary, tags, weights = read_bundle(folder)

        from seqtag.neural.encoders import RECIPES, Sizes
        from seqtag.neural.layers.token_features import TokenFeatures
        from seqtag.neural.network import NetworkPredictor, TaggerNetwork

        if bundle.recipe not in RECIPES:
            raise BundleError(
                f"{folder}: a recipe of {sorted(RECIPES)} was required. Received: {bundle.recipe}"
            )
        sizes = Sizes(bundle.n_words, bundle.n_characters, bundle.n_tags)
        vectors = bundled_vectors(folder) if VECTORS in bundle.files else None
        network = TaggerNetwork.of(bundle.recipe, sizes, bundle.model, tags, vectors)
        try:
            set_weights(network.variables, weights)
        except RunDirError as error:  # another version of seqtag built another model from the same sizes
            raise BundleError(f"{folder}: {error}") from None
        features = TokenFeatures(vocabulary, affix_buckets=bundle.model.affix_buckets, vectors=vectors)
        reader = NetworkPredictor(network, temperature=bundle.temperature)
        return cls(bundle, vocabulary, tags, features.of_word_types, reader)

    def tag(self, tokens: pa.ListArray) -> Tagged:
        """Tag sequences, given as a `list<string>`; a null sequence counts as empty.

        Each distinct token is looked at once. Sequences beyond the ladder's last rung are read in overlapping
        windows and stitched.
        """
        flat, offsets = flatten(tokens)
        distinct = pc.dictionary_encode(pc.fill_null(flat.cast(pa.string()), ""))
        word_types = self.features(distinct.dictionary)
        vectors = self.reader.word_type_vectors(word_types)  # [1 + n_forms, size]
        word_type_ids = distinct.indices.to_numpy() + np.int32(1)  # [n_tokens]
        cut = windows(np.diff(offsets), buckets=self.bundle.ladder, overlap=self.bundle.window_overlap)
        output = predict_tokens(self.reader, vectors, word_type_ids, cut, offsets=offsets)  # [n_tokens]
        starts = pa.array(offsets, pa.int32())

        def lists(values: pa.Array) -> pa.ListArray:
            return pa.ListArray.from_arrays(starts, values)

        return Tagged(
            predicted=lists(
                pa.array(self.tags.spelled(self.bundle.spoken), pa.string()).take(pa.array(output["tag_id"]))
            ),
            confidence=lists(pa.array(output["confidence"])),
            span_confidence=lists(pa.array(output["span_confidence"])),
            unknown=lists(pa.array(word_types["word_ids"][word_type_ids] == UNK_ID)),
        )
