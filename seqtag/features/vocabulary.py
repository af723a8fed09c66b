"""Vocabulary of a model: its words and characters with their ids."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seqtag.features.encoded_layout import CHARACTERS, WORDS
from seqtag.features.symbols import Symbols


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Words and characters of train. In both, id 0 is `<pad>` and id 1 is `<unk>`."""

    words: Symbols
    characters: Symbols

    @classmethod
    def load(cls, folder: Path) -> Vocabulary:
        """Read the files that `save` wrote.

        Raises:
            RunDirError: a file is missing or malformed.
        """
        return cls(Symbols.load(folder / WORDS), Symbols.load(folder / CHARACTERS))

    def save(self, folder: Path) -> None:
        """Write words.parquet and characters.parquet into `folder`."""
        self.words.save(folder / WORDS)
        self.characters.save(folder / CHARACTERS)

    @property
    def n_words(self) -> int:
        """The number of word ids, `<pad>` and `<unk>` included."""
        return len(self.words)

    @property
    def n_characters(self) -> int:
        """The number of character ids, `<pad>` and `<unk>` included."""
        return len(self.characters)

    def ids(self, tokens: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.int32]:
        """Return `<int32>[n_tokens]` word ids; a token outside the vocabulary becomes `<unk>`."""
        return self.words.ids(tokens)

    @cached_property
    def digest(self) -> str:
        """The sha256 of all symbols in order: equal digests mean equal ids."""
        return hashlib.sha256(f"{self.words.digest} {self.characters.digest}".encode()).hexdigest()
