"""Gazetteers: phrases of a file, found in the tokens of a sequence."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from seqtag.config import Fold, GazetteerConfig
from seqtag.corpus.files import find_files
from seqtag.errors import ConfigError, CorpusFormatError
from seqtag.features.symbols import UNK_ID, Lookup, folded

MOST_TOKENS = 8  # of a phrase
# of the first token of a phrase, and of its further tokens; all others are UNK_ID
BEGIN_ID, INSIDE_ID = UNK_ID + 1, UNK_ID + 2
N_IDS = INSIDE_ID + 1

_log = logging.getLogger(__name__)


class Gazetteer(BaseModel):
    """A list of phrases. A phrase is its tokens, folded as words are, with blanks between them."""

    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))

    name: str
    size: int  # of the vectors of its ids
    fold: Fold
    phrases: tuple[str, ...]  # distinct

    @cached_property
    def by_length(self) -> Mapping[int, pa.StringArray]:
        """Phrases by their number of tokens, longest first."""
        phrases = pa.array(self.phrases, pa.string())
        lengths = pc.add(pc.count_substring(phrases, " "), 1).to_numpy()
        return {
            n: phrases.filter(pa.array(lengths == n)) for n in sorted(set(lengths.tolist()), reverse=True)
        }

    def ids(self, tokens: pa.Array, offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """Return `<int32>[n_tokens]`: whether a token begins a phrase, continues one, or neither.

        Longer phrases win over shorter ones that they overlap.

        Args:
            tokens: `<string>[n_tokens]`, sequences concatenated.
            offsets: `<int64>[n_sequences + 1]`, start of each sequence.
        """
        words = folded(tokens.cast(pa.string()), self.fold)
        left = np.repeat(offsets[1:], np.diff(offsets)) - np.arange(len(words))  # tokens from here to the end
        ids = np.full(len(words), UNK_ID, np.int32)
        for n, phrases in self.by_length.items():
            starts = np.flatnonzero(left >= n)
            for k in range(n):  # most positions are taken or have another word
                starts = starts[ids[starts + k] == UNK_ID]
            for k, known in enumerate(self._words_at[n]):
                starts = starts[known.positions(words.take(pa.array(starts + k))) >= 0]
            parts = [words.take(pa.array(starts + k)) for k in range(n)]
            found = starts[Lookup(phrases).positions(pc.binary_join_element_wise(*parts, " ")) >= 0]
            for k in range(n - 1, 0, -1):
                ids[found + k] = INSIDE_ID
            ids[found] = BEGIN_ID
        return ids

    @cached_property
    def _words_at(self) -> Mapping[int, list[Lookup]]:
        """The words at each place of the phrases of a length, by length."""
        words = {n: pc.split_pattern(phrases, " ") for n, phrases in self.by_length.items()}
        return {
            n: [Lookup(pc.unique(pc.list_element(lists, place))) for place in range(n)]
            for n, lists in words.items()
        }


def read_gazetteers(configs: Sequence[GazetteerConfig], fold: Fold) -> tuple[Gazetteer, ...]:
    """Read the phrases of gazetteers.

    Raises:
        ConfigError: a path does not match exactly one file.
        CorpusFormatError: a file has no phrase, or is not UTF-8.
    """
    return tuple(_read(config, fold) for config in configs)


def _read(config: GazetteerConfig, fold: Fold) -> Gazetteer:
    try:
        files = find_files(config.path)
    except ConfigError:
        files = []
    if len(files) != 1:
        raise ConfigError(
            f"features.gazetteers: {config.name}: {config.path} matches {len(files)} files: expected one "
            f"file of phrases, next to the tagger's TOML file or in {Path.cwd()}; correct the path"
        )
    with files[0].open() as stream:
        try:
            lines = stream.read().decode("utf-8-sig").splitlines()
        except UnicodeDecodeError as error:
            raise CorpusFormatError(
                f"{files[0].name}: phrases are not UTF-8: {error}; convert the file"
            ) from None
    phrases = pa.array([" ".join(line.split()) for line in lines], pa.string())
    phrases = pc.unique(folded(phrases, fold))
    n_tokens = pc.add(pc.count_substring(phrases, " "), 1)
    is_short = pc.less_equal(n_tokens, MOST_TOKENS)
    n_long = len(phrases) - pc.sum(is_short).as_py() if len(phrases) else 0
    if n_long:
        _log.warning(
            "index: gazetteer %s: %d phrases have more than %d tokens and are left out",
            config.name,
            n_long,
            MOST_TOKENS,
        )
    kept = phrases.filter(pc.and_(is_short, pc.not_equal(phrases, "")))
    if not len(kept):
        raise CorpusFormatError(
            f"{files[0].name}: no phrase found: expected one a line, of up to {MOST_TOKENS} tokens"
        )
    _log.info("index: gazetteer %s: %s phrases", config.name, f"{len(kept):,}")
    return Gazetteer(name=config.name, size=config.size, fold=fold, phrases=tuple(kept.to_pylist()))
