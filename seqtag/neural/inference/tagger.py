"""Trained taggers, loaded from bundles: tokens in, tags out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.bundle_description import Bundle
from seqtag.config import RECIPES
from seqtag.corpus.cut_points import cut_points
from seqtag.corpus.token_values import token_values
from seqtag.errors import BundleError, RunDirError
from seqtag.features import UNK_ID, ColumnIndex, TagIndex, Vocabulary, windows
from seqtag.features.column_index import check_lengths
from seqtag.features.encoded_layout import VECTORS
from seqtag.neural.export.bundle import SAVED_MODEL, bundled_vectors, read_bundle, read_exported_bundle
from seqtag.neural.weights import set_weights
from seqtag.neural.windowed_inference import Predictor, WordTypeTable, predict_tokens
from seqtag.tagging.ragged import flatten, relist

NOTHING: Mapping[str, pa.ListArray] = MappingProxyType({})


@dataclass(frozen=True)
class Tagged:
    """Tags and confidences of sequences, one value per token."""

    predicted: pa.ListArray  # list<string>
    confidence: pa.ListArray  # list<float32>, probability of the predicted tag
    span_confidence: pa.ListArray  # list<float32>, probability of the predicted span that contains the token
    unknown: pa.ListArray  # list<bool>, True if the token is not in the tagger's vocabulary


@dataclass(frozen=True)
class Tagger:
    """Tags sequences of any length and number; memory beyond input and output is bounded."""

    bundle: Bundle
    vocabulary: Vocabulary
    tags: TagIndex
    features: Callable[[pa.StringArray], WordTypeTable]
    columns: ColumnIndex  # further columns of tokens that it reads
    predictor: Predictor

    @classmethod
    def load_exported(cls, folder: Path) -> Self:
        """Load a bundle's SavedModel after verifying all digests: the same tags as from `load`, in less time.

        Raises:
            BundleError, RunDirError: as for `load`.
        """
        bundle, vocabulary, tags = read_exported_bundle(folder)

        from seqtag.neural.inference.saved_model_predictor import SavedModelPredictor, word_type_texts

        predictor = SavedModelPredictor(folder / SAVED_MODEL, tags.tags_in(bundle.output_scheme))
        texts = partial(word_type_texts, vocabulary=vocabulary)
        return cls(bundle, vocabulary, tags, texts, ColumnIndex.load(folder), predictor)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Load a bundle after verifying its digests; no code in it is executed.

        Raises:
            BundleError: a file of the bundle is missing or was changed, or its recipe is unknown to this
                version of seqtag.
            RunDirError: a file could not be read; a retry may succeed.
        """
        bundle, vocabulary, tags, weights = read_bundle(folder)
        if bundle.recipe not in RECIPES:
            raise BundleError(
                f"{folder}: unknown recipe {bundle.recipe!r}; expected one of {sorted(RECIPES)}"
            )

        from seqtag.neural.encoders import Sizes
        from seqtag.neural.layers.token_features import TokenFeatures
        from seqtag.neural.network import NetworkPredictor, TaggerNetwork

        columns = ColumnIndex.load(folder)
        sizes = Sizes.of(vocabulary, tags, columns)
        vectors = bundled_vectors(folder) if VECTORS in bundle.files else None
        network = TaggerNetwork.build(bundle.recipe, sizes, bundle.model, tags, vectors)
        try:
            set_weights(network.variables, weights)
        except RunDirError as error:  # for example, from a version of seqtag with another architecture
            raise BundleError(f"{folder}: {error}") from None
        features = TokenFeatures(vocabulary, affix_buckets=bundle.model.affix_buckets, vectors=vectors)
        predictor = NetworkPredictor(network, temperature=bundle.temperature)
        return cls(bundle, vocabulary, tags, features.word_type_table, columns, predictor)

    def tag(self, tokens: pa.ListArray, columns: Mapping[str, pa.ListArray] = NOTHING) -> Tagged:
        """Tag sequences, given as `list<string>`; null sequences count as empty.

        Args:
            tokens: tokens of each sequence.
            columns: `list<string>` by name, a value for each token; columns that are not there are missing
                values, others than those that the tagger reads have no effect.

        Raises:
            CorpusFormatError: a sequence has another number of values than tokens.

        Features are computed once per distinct token. Long sequences are cut by the rule of the corpus that
        the tagger was trained on. What is longer than the last bucket then is tagged in overlapping windows.
        The results are stitched.
        """
        flat, offsets = flatten(tokens)
        distinct = pc.dictionary_encode(pc.fill_null(flat.cast(pa.string()), ""))
        word_types = self.features(distinct.dictionary)
        vectors = self.predictor.word_type_vectors(word_types)  # [1 + n_word_types, size]
        word_type_ids = distinct.indices.to_numpy() + np.int32(1)  # [n_tokens]
        pieces = offsets
        if self.bundle.cut is not None:
            pieces = np.sort(np.append(offsets, cut_points(tokens, self.bundle.cut).positions))
        all_windows = windows(
            np.diff(pieces), buckets=self.bundle.bucket_lengths, overlap=self.bundle.window_overlap
        )
        read = {name: columns[name] for name in self.columns.names if name in columns}
        check_lengths(tokens, read)
        in_pieces = {name: relist(token_values(lists, offsets), pieces) for name, lists in read.items()}
        encoded = self.columns.encoded(
            relist(flat, pieces), in_pieces
        )  # as in training, where gaps end with a piece
        # [n_tokens]
        output = predict_tokens(
            self.predictor, vectors, word_type_ids, all_windows, columns=encoded, offsets=pieces
        )
        tags = pa.array(self.tags.tags_in(self.bundle.output_scheme), pa.string())
        return Tagged(
            predicted=relist(tags.take(pa.array(output["tag_id"])), offsets),
            confidence=relist(pa.array(output["confidence"]), offsets),
            span_confidence=relist(pa.array(output["span_confidence"]), offsets),
            unknown=relist(pa.array(word_types["word_ids"][word_type_ids] == UNK_ID), offsets),
        )
