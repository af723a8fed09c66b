"""Streaming counters: tags and word types per split, and tag transitions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seqtag.config import SPLITS, SchemeName, TagsConfig
from seqtag.io.hash_counts import HashCounts
from seqtag.quality.snapshot_reader import CodedLists
from seqtag.tagging.scheme_detection import SchemeVerdict, detect_scheme, detect_spelling
from seqtag.tagging.schemes import PREFIXES, SPAN_SCHEMES, legal_transitions, split_tags
from seqtag.tagging.spelling import CANONICAL_SPELLING, Spelling

MAX_DETECTED_TAGS = 2000  # distinct tags whose transitions are counted, in a square matrix: 32 MB


class StringNumbering:
    """Distinct strings, numbered in order of first occurrence."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def strings(self) -> tuple[str, ...]:
        return tuple(self._numbers)

    def number(self, strings: list[str]) -> npt.NDArray[np.int64]:
        numbers = [self._numbers.setdefault(s, len(self._numbers)) for s in strings]
        return np.array(numbers, dtype=np.int64)


class TagCounter:
    """Tag counts per split; a batch that was added can be subtracted again."""

    def __init__(self) -> None:
        self._tags = StringNumbering()
        self._counts = np.zeros((0, len(SPLITS)), dtype=np.int64)
        self._n_blank = np.zeros(len(SPLITS), dtype=np.int64)

    def add(self, tags: CodedLists, split: npt.NDArray[np.int8], *, times: int = 1) -> None:
        counts = _counts_per_split(tags, split)
        named = np.flatnonzero(~tags.is_blank)
        rows = self._tags.number([tags.distinct[int(i)].as_py() for i in named])
        grown = np.zeros((len(self._tags), len(SPLITS)), dtype=np.int64)
        grown[: len(self._counts)] = self._counts
        grown[rows] += times * counts[named]
        self._counts = grown
        self._n_blank += times * counts[tags.is_blank].sum(axis=0)

    def n_untagged(self) -> tuple[int, ...]:
        """Return the number of untagged tokens of each split, in sequences that have tags."""
        return tuple(self._n_blank.tolist())

    def counts(self, also: tuple[str, ...] = ()) -> dict[str, dict[str, int]]:
        """Return tag -> split -> tokens, sorted by tag; tags in `also` are included even if never seen."""
        seen = dict(zip(self._tags.strings, self._counts.tolist(), strict=True))
        zeros = [0] * len(SPLITS)
        kept = {tag for tag, counts in seen.items() if any(counts)} | set(also)
        return {tag: dict(zip(SPLITS, seen.get(tag, zeros), strict=True)) for tag in sorted(kept)}


class WordTypeCounts:
    """Number of word types of each split, by their 64-bit hashes."""

    def __init__(self) -> None:
        self._of_split = [HashCounts() for _ in SPLITS]

    def add(self, tokens: CodedLists, split: npt.NDArray[np.int8], *, times: int = 1) -> None:
        for of_split, counts in zip(self._of_split, _counts_per_split(tokens, split).T, strict=True):
            present = counts > 0
            of_split.add(tokens.distinct_hashes[present], times * counts[present])

    def n_types(self) -> tuple[int, ...]:
        """Return the number of word types of each split."""
        return tuple(int(np.count_nonzero(of_split.counts)) for of_split in self._of_split)


class TransitionCounter:
    """Tag bigram counts, and the schemes that each sequence breaks."""

    def __init__(self) -> None:
        self._tags = StringNumbering()
        self._counts = np.zeros((1, 1), dtype=np.int64)  # [from, to]; last: the sequence boundary

    def add(self, tags: CodedLists, aligned: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
        """Count the transitions of the `aligned` sequences, skipping those next to an untagged token.

        Returns the result of `broken_schemes`.
        """
        codes, _, starts, stops = _aligned_codes(tags, aligned)
        self._count(tags, codes, starts=starts, stops=stops)
        return broken_schemes(tags, aligned)

    def verdict(self, config: TagsConfig | None = None) -> SchemeVerdict:
        """Return the scheme that best explains the transitions, regardless of the declared one."""
        config = config or TagsConfig()
        if len(self._tags) > MAX_DETECTED_TAGS:
            reason = f"more than {MAX_DETECTED_TAGS:,} distinct tags, too many to detect a scheme"
            return SchemeVerdict("none", reason, {"none": 0})
        return detect_scheme(
            self._tags.strings, self._counts, pattern=config.spelling, outside=config.outside
        )

    def spelling(self, config: TagsConfig, scheme: SchemeName) -> Spelling:
        """Return the spelling of the tags under the declared `scheme`."""
        counts, n = self._counts, len(self._tags)
        if n > MAX_DETECTED_TAGS:  # nothing was counted
            counts = np.broadcast_to(np.int64(1), (n + 1, n + 1))
        return detect_spelling(
            self._tags.strings, counts, scheme, pattern=config.spelling, outside=config.outside
        )

    def _count(
        self,
        tags: CodedLists,
        codes: npt.NDArray[np.int32],
        *,
        starts: npt.NDArray[np.int64],
        stops: npt.NDArray[np.int64],
    ) -> None:
        before = len(self._tags)
        used = np.unique(codes)
        used = used[~tags.is_blank[used]]
        numbers = np.full(len(tags.distinct), -1, dtype=np.int64)
        numbers[used] = self._tags.number([tags.distinct[int(i)].as_py() for i in used])
        n = len(self._tags)
        if n > MAX_DETECTED_TAGS:
            self._counts = np.zeros((1, 1), dtype=np.int64)
            return
        grown = np.zeros((n + 1, n + 1), dtype=np.int64)
        from_, to = np.append(np.arange(before), n), np.append(np.arange(before), n)
        grown[np.ix_(from_, to)] = self._counts
        here = numbers[codes]
        previous = np.append(n, here)[: len(here)]
        previous[starts] = n
        pairs = np.concatenate([previous * (n + 1) + here, here[stops - 1] * (n + 1) + n])
        if tags.is_blank.any():
            is_known = np.concatenate([(previous >= 0) & (here >= 0), here[stops - 1] >= 0])
            pairs = pairs[is_known]
        self._counts = grown + np.bincount(pairs, minlength=(n + 1) ** 2).reshape(n + 1, n + 1)


def broken_schemes(
    tags: CodedLists, aligned: npt.NDArray[np.bool_], spelling: Spelling = CANONICAL_SPELLING
) -> npt.NDArray[np.uint8]:
    """Return `<uint8>[n_sequences]`: bit i is set if a transition is illegal under SPAN_SCHEMES[i].

    Sequences that are not `aligned` are skipped.
    """
    codes, owners, starts, stops = _aligned_codes(tags, aligned)
    illegal = _illegal_under(tags, codes, starts=starts, stops=stops, spelling=spelling)
    broken = np.zeros(len(aligned), dtype=np.uint8)
    for bit in (1 << i for i in range(len(SPAN_SCHEMES))):
        broken[owners[(illegal & bit) > 0]] |= np.uint8(bit)
    return broken


def scheme_bit(scheme: SchemeName) -> int:
    """Return the bit that `broken_schemes` sets for a sequence that breaks `scheme`."""
    return 0 if scheme == "none" else 1 << SPAN_SCHEMES.index(scheme)


def _aligned_codes(
    tags: CodedLists, aligned: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return codes and owners of the `aligned` lists, and the start and stop of each list among them."""
    lengths = np.where(aligned, tags.lengths, 0)
    taken = slice(None) if aligned.all() else aligned[tags.owners]
    stops = np.cumsum(lengths)[lengths > 0]
    return tags.codes[taken], tags.owners[taken], stops - lengths[lengths > 0], stops


def _counts_per_split(lists: CodedLists, split: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
    """Return `<int64>[n_distinct, n_splits]`."""
    n_splits = len(SPLITS)
    cells = lists.codes.astype(np.int64) * n_splits + np.repeat(split, lists.lengths)
    return np.bincount(cells, minlength=len(lists.distinct) * n_splits).reshape(-1, n_splits)


# Whether a tag may follow another depends only on their prefixes and on whether their types are equal, so two
# types represent all of them. Positions: O, B I E S of one type, B I E S of another, a tag of no scheme, the
# sequence boundary, and an untagged token. Nothing is illegal next to an untagged token, because its unknown
# tag may make its neighbours legal.
_SPAN_PREFIXES = PREFIXES[1:]
_REPRESENTATIVES = ("O", *(f"{p}-x" for p in _SPAN_PREFIXES), *(f"{p}-y" for p in _SPAN_PREFIXES), "?")
_OF_NO_SCHEME = len(_REPRESENTATIVES) - 1
_BOUNDARY = len(_REPRESENTATIVES)
_HIDDEN = _BOUNDARY + 1


def _illegal_under(
    tags: CodedLists,
    codes: npt.NDArray[np.int32],
    *,
    starts: npt.NDArray[np.int64],
    stops: npt.NDArray[np.int64],
    spelling: Spelling,
) -> npt.NDArray[np.uint8]:
    """Return `<uint8>[n_codes]`: one bit per scheme that forbids the transition into or out of this tag."""
    table = np.zeros((_HIDDEN + 1, _HIDDEN + 1), dtype=np.uint8)
    for i, scheme in enumerate(SPAN_SCHEMES):
        illegal = np.where(legal_transitions(_REPRESENTATIVES, scheme), 0, 1 << i).astype(np.uint8)
        table[:_HIDDEN, :_HIDDEN] |= illegal
    prefixes, types = split_tags([spelling.canonical(tag or "") for tag in tags.distinct.to_pylist()])
    place = np.array([PREFIXES.index(p) if p else _OF_NO_SCHEME for p in prefixes], dtype=np.int8)
    place[tags.is_blank] = _HIDDEN
    numbers: dict[str, int] = {}
    type_id = np.array([numbers.setdefault(t, len(numbers)) for t in types], dtype=np.int32)

    here = place[codes]
    before = np.append(np.int8(_BOUNDARY), here)[: len(here)]
    before[starts] = _BOUNDARY
    type_here = type_id[codes]
    of_another_type = np.append(False, type_here[1:] != type_here[:-1])[: len(here)]
    is_span = (here > 0) & (here <= len(_SPAN_PREFIXES))
    into = table[before, here + np.int8(len(_SPAN_PREFIXES)) * (of_another_type & is_span)]
    into[stops - 1] |= table[here[stops - 1], _BOUNDARY]
    return into
