"""Indexing of the train split: ids of its words, characters and tags, and word vectors."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config import FeaturesConfig, SchemeName
from seqtag.corpus.schema import TAGS, TOKENS
from seqtag.errors import CorpusRejectedError
from seqtag.features.encoded_layout import VECTORS
from seqtag.features.split_reader import prefetched, row_groups
from seqtag.features.symbol_counts import SymbolCounts, counted_table
from seqtag.features.symbols import UNK_ID, Symbols, folded
from seqtag.features.tag_index import TagIndex, tag_order
from seqtag.features.vectors import Vectors, first_words, read_vectors
from seqtag.features.vocabulary import Vocabulary

_WORDS_AT_A_TIME = 2**16

_log = logging.getLogger(__name__)


def index_corpus(
    train: Path,
    *,
    declared: Sequence[str] | None,
    previous: Sequence[str],
    scheme: SchemeName,
    config: FeaturesConfig,
    folder: Path,
    vocabulary: Vocabulary | None = None,
) -> tuple[Vocabulary, TagIndex]:
    """Assign ids to the words, characters and tags of the train split, and write them into `folder`.

    Args:
        train: the Parquet file of the split.
        declared: tags that are declared in advance; None if only those of train count.
        previous: tags of the champion, which keep their order; may be empty.
        scheme: the scheme of the tags in the split.
        vocabulary: words and characters to use in place of those of train.

    Raises:
        CorpusRejectedError: train has no tags.
    """
    words, tags = SymbolCounts(), SymbolCounts()
    for batch in prefetched(row_groups(train, [TOKENS, TAGS])):
        words.add(batch.column(TOKENS).flatten())
        tags.add(batch.column(TAGS).flatten())
    counted = words.table()
    vocabulary = vocabulary or Vocabulary(
        words=Symbols.of_counts(counted, min_count=config.min_count, fold=config.fold),
        characters=Symbols.of_counts(_character_counts(counted)),
    )
    observed = dict(zip(*(column.to_pylist() for column in tags.table().itercolumns()), strict=True))
    if not observed:
        raise CorpusRejectedError(f"{train}: train has no tags: expected at least one tagged sequence")
    order = tag_order(observed, declared=declared, previous=previous, scheme=scheme)
    index = TagIndex(order, scheme, {tag: observed.get(tag, 0) for tag in order})
    vocabulary.save(folder)
    index.save(folder)
    _log.info(
        "index: %s words, %s characters, %d tags from %s tokens",
        f"{vocabulary.n_words:,}",
        f"{vocabulary.n_characters:,}",
        len(index),
        f"{pc.sum(counted['count']).as_py() or 0:,}",
    )
    return vocabulary, index


def index_vectors(source: str, vocabulary: Vocabulary, *, n_frequent: int, folder: Path) -> Vectors:
    """Read the vectors of the vocabulary and of the file's most frequent words, and write them into `folder`.

    Other words of dev and test get no vector, since they would have none in production either.

    Args:
        source: vectors as text, a path or URL.
        n_frequent: number of words from the top of the file, in train or not.

    Raises:
        CorpusFormatError: the file has another format.
    """
    frequent = folded(first_words(source, n_frequent), vocabulary.words.fold)
    vectors = read_vectors(
        source, pc.unique(pa.concat_arrays([vocabulary.words.symbols[UNK_ID + 1 :], frequent]))
    )
    vectors.save(folder / VECTORS)
    covered = vectors.coverage_of(vocabulary.words)
    _log.info(
        "index: vectors for %.1f%% of the words of train, %.1f%% of their tokens",
        100 * covered.types,
        100 * covered.tokens,
    )
    return vectors


def _character_counts(words: pa.Table) -> pa.Table:
    """Return the number of occurrences of each character (code point) in the tokens that `words` counts."""
    # [code points up to the last seen], exact to 2**53
    totals: npt.NDArray[Any] = np.zeros(0, dtype=np.float64)
    for batch in words.to_batches(max_chunksize=_WORDS_AT_A_TIME):
        text = pc.binary_join(_as_one_list(batch.column("symbol")), "")[0].as_py()
        points = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
        lengths = pc.utf8_length(batch.column("symbol")).to_numpy()
        counts = np.bincount(points, weights=np.repeat(batch.column("count").to_numpy(), lengths))
        if len(counts) > len(totals):
            totals, counts = counts, totals
        totals[: len(counts)] += counts
    seen = np.flatnonzero(totals)
    symbols = pa.array([chr(point) for point in seen.tolist()], pa.string())
    return counted_table(symbols, totals[seen].astype(np.int64))


def _as_one_list(strings: pa.StringArray) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array([0, len(strings)], pa.int32()), strings)
