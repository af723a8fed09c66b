"""Vocabulary, tag index, word vectors and padded windows: a split as input of a model."""

from seqtag.features.column_index import (
    NO_COLUMNS,
    ColumnIndex,
    EncodedColumns,
    LearnedColumn,
)
from seqtag.features.column_learning import learn_columns
from seqtag.features.encoded_layout import COLUMNS, SEEN, TESTED
from seqtag.features.encoded_reader import Bucket, read_encoded
from seqtag.features.encoding import encode_corpus
from seqtag.features.gazetteers import Gazetteer, read_gazetteers
from seqtag.features.indexing import index_corpus, index_vectors
from seqtag.features.symbols import PAD, PAD_ID, UNK, UNK_ID, Symbols, lower_case
from seqtag.features.tag_index import UNKNOWN_TAG_ID, UNTAGGED_ID, TagIndex
from seqtag.features.train_hashes import SequenceHashes, write_sequence_hashes
from seqtag.features.vectors import Coverage, Vectors
from seqtag.features.vocabulary import Vocabulary
from seqtag.features.windowing import Windows, padded, padded_rows, stitched, windows
from seqtag.features.word_types import read_word_types

__all__ = [
    "COLUMNS",
    "NO_COLUMNS",
    "PAD",
    "PAD_ID",
    "SEEN",
    "TESTED",
    "UNK",
    "UNKNOWN_TAG_ID",
    "UNK_ID",
    "UNTAGGED_ID",
    "Bucket",
    "ColumnIndex",
    "Coverage",
    "EncodedColumns",
    "Gazetteer",
    "LearnedColumn",
    "SequenceHashes",
    "Symbols",
    "TagIndex",
    "Vectors",
    "Vocabulary",
    "Windows",
    "encode_corpus",
    "index_corpus",
    "index_vectors",
    "learn_columns",
    "lower_case",
    "padded",
    "padded_rows",
    "read_encoded",
    "read_gazetteers",
    "read_word_types",
    "stitched",
    "windows",
    "write_sequence_hashes",
]
