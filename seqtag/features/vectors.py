"""Pretrained word vectors of a vocabulary, streamed from a text file of any size."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from seqtag.corpus.text_blocks import BLOCK_BYTES
from seqtag.errors import RunDirError
from seqtag.features.encoded_layout import read_table
from seqtag.features.symbols import PAD, UNK, UNK_ID, Lookup, Symbols
from seqtag.features.vector_text import vector_blocks

_N_IN_FILE, _N_NOT_UTF8 = b"seqtag.n_in_file", b"seqtag.n_not_utf8"  # keys of the Parquet schema metadata
_CELLS_A_ROW_GROUP = 1 << 22  # numbers; 16 MiB
_NEVER = np.iinfo(np.int64).max  # line number of a word that is not in the file


@dataclass(frozen=True)
class Coverage:
    """Fractions of a vocabulary that have a vector, in [0, 1]; 0 for an empty vocabulary."""

    types: float  # of the words
    tokens: float  # of their occurrences


@dataclass(frozen=True, eq=False)
class Vectors:
    """Vectors of the requested words that a file contains, in the order of the file."""

    words: pa.StringArray  # distinct, spelled as requested
    values: npt.NDArray[np.float32]  # [n_found, dim]
    n_in_file: int  # vectors in the file
    n_not_utf8: int  # of these, vectors that were skipped because their word is not UTF-8

    @classmethod
    def load(cls, path: Path) -> Vectors:
        """Read the file that `save` wrote.

        Raises:
            RunDirError: the file is missing or malformed.
        """
        table = read_table(path, "word vectors")
        metadata, types = table.schema.metadata or {}, table.schema.types
        dim = types[-1].list_size if types and pa.types.is_fixed_size_list(types[-1]) else 1
        if table.schema != _schema(dim) or not {_N_IN_FILE, _N_NOT_UTF8} <= metadata.keys():
            raise RunDirError(
                f"{path}: table holds no word vectors: expected columns word and vector, got "
                f"{', '.join(table.schema.names)}"
            )
        try:
            n_in_file, n_not_utf8 = int(metadata[_N_IN_FILE]), int(metadata[_N_NOT_UTF8])
        except ValueError as error:
            raise RunDirError(f"{path}: counts of word vectors are invalid: {error}") from error
        return cls(
            words=pa.concat_arrays([pa.array([], pa.string()), *table["word"].chunks]),
            values=np.concatenate(
                [np.zeros((0, dim), np.float32)]
                + [chunk.flatten().to_numpy().reshape(-1, dim) for chunk in table["vector"].chunks]
            ),
            n_in_file=n_in_file,
            n_not_utf8=n_not_utf8,
        )

    def save(self, path: Path) -> None:
        """Write words and vectors as Parquet. Equal vectors give equal bytes."""
        schema = _schema(self.dim)
        rows = pa.FixedSizeListArray.from_arrays(self.values.ravel(), type=schema.field("vector").type)
        facts = {_N_IN_FILE: str(self.n_in_file), _N_NOT_UTF8: str(self.n_not_utf8)}
        pq.write_table(
            pa.table([self.words, rows], schema.with_metadata(facts)),
            path,
            compression="zstd",
            use_dictionary=False,  # words are distinct, and numbers nearly so
            row_group_size=max(1, _CELLS_A_ROW_GROUP // self.dim),
        )

    def __len__(self) -> int:
        return len(self.words)

    @property
    def dim(self) -> int:
        """The length of a vector."""
        return self.values.shape[1]

    def coverage(self, words: pa.StringArray, counts: npt.NDArray[np.int64]) -> Coverage:
        """Return the shares of distinct words, and of their `counts` occurrences, that have a vector.

        >>> vectors = Vectors(pa.array(["the", "of"]), np.ones((2, 3), np.float32), 2, 0)
        >>> vectors.coverage(pa.array(["the", "of", "xyz", "zyx"]), np.array([60, 30, 9, 1]))
        Coverage(types=0.5, tokens=0.9)
        """
        is_found = self._lookup.positions(words) >= 0
        return Coverage(
            types=float(is_found.sum() / max(len(words), 1)),
            tokens=float(counts[is_found].sum() / max(counts.sum(), 1)),
        )

    def coverage_of(self, symbols: Symbols) -> Coverage:
        """Return `coverage` of a vocabulary, without `<pad>` and `<unk>`."""
        return self.coverage(symbols.symbols[UNK_ID + 1 :], symbols.counts[UNK_ID + 1 :])

    @cached_property
    def digest(self) -> str:
        """The sha256 of words and values in order: equal digests mean equal matrices."""
        words = [word.encode() for word in self.words.to_pylist()]
        sha256 = hashlib.sha256(np.array([len(words), self.dim, *map(len, words)], "<i8").tobytes())
        sha256.update(b"".join(words))
        sha256.update(self.values.astype("<f4", order="C", copy=False).data)
        return sha256.hexdigest()

    @cached_property
    def _lookup(self) -> Lookup:
        return Lookup(self.words)


def read_vectors(path: str, wanted: pa.StringArray, *, block_bytes: int = BLOCK_BYTES) -> Vectors:
    """Read the vectors of the requested words from a text file of GloVe, word2vec or fastText.

    A requested word gets the first vector with exactly that word; failing that, the first whose word is equal
    to it in lower case. So `the` may get the vector of `The`, but never `The` that of `the`.

    Memory depends on the requested words, not on the file. Numbers are parsed only in lines that may be kept;
    those of other lines are not checked. Words that are not UTF-8 are counted and skipped: published files
    contain some that were cut within a character.

    Args:
        path: path or fsspec URL of one file, which may be compressed with gzip, Zstandard, bzip2 or xz, or be
            the only file of a zip archive. One file of several is `zip://glove.6B.100d.txt::glove.6B.zip`.
        wanted: distinct words; `<pad>` and `<unk>` are ignored.
        block_bytes: bytes of text read at a time; the result does not depend on it.

    Raises:
        ConfigError: the path matches no file or several.
        CorpusFormatError: the file is empty, binary or damaged, the dimension of a line differs from that of
            the first, the number of lines differs from the header, or a number is malformed or not finite.
        OSError: the file system, the network or the server fails; retrying may help.
    """
    wanted = wanted.filter(pc.invert(pc.is_in(wanted, value_set=pa.array([PAD, UNK]))))
    lookup, n_wanted = Lookup(wanted), len(wanted)
    # first lines that match in lower case, then those that match exactly
    first = np.full(2 * n_wanted, _NEVER)
    lowered, equal = first[:n_wanted], first[n_wanted:]
    n_in_file = n_not_utf8 = 0
    blocks = vector_blocks(path, block_bytes)
    first_block = next(blocks)
    values = np.zeros((n_wanted, first_block.head.dim), np.float32)
    for block in chain([first_block], blocks):
        words = block.words()
        found = lookup.positions(pa.concat_arrays([pc.utf8_lower(words), words]))  # [2 * n_lines]
        matches = np.flatnonzero(found >= 0)
        is_equal, rows = np.divmod(matches, len(block))
        ids, lines = found[matches], block.numbers[rows]
        np.minimum.at(first, ids + is_equal * n_wanted, lines)
        is_kept = np.where(is_equal, lines == equal[ids], (lines == lowered[ids]) & (lines < equal[ids]))
        kept, of_match = np.unique(rows[is_kept], return_inverse=True)
        # If a word matches in both ways, the exact match comes last and wins.
        values[ids[is_kept]] = block.values(kept)[of_match]
        n_in_file += len(block)
        n_not_utf8 += words.null_count
    lines = np.where(equal < _NEVER, equal, lowered)
    order = np.lexsort((equal == _NEVER, lines))[: np.count_nonzero(lines < _NEVER)]
    return Vectors(wanted.take(pa.array(order)), values[order], n_in_file, n_not_utf8)


def first_words(path: str, n: int) -> pa.StringArray:
    """Return the words of the first n vectors, which are the most frequent ones in published files.

    Raises:
        The errors of `read_vectors`.
    """
    found, n_found = [pa.array([], pa.string())], 0
    for block in vector_blocks(path, BLOCK_BYTES):
        found.append(block.words().drop_null())
        n_found += len(found[-1])
        if n_found >= n:
            break
    return pa.concat_arrays(found)[:n]


def _schema(dim: int) -> pa.Schema:
    numbers = pa.list_(pa.field("element", pa.float32(), nullable=False), dim)
    return pa.schema([pa.field("word", pa.string(), False), pa.field("vector", numbers, False)])
