"""Spellings of span tags: the text of prefix, type and outside tag, and detection of a corpus' spelling."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config import SchemeName
from seqtag.config.scheme_names import SEPARATORS

_CANONICAL = "BIES"
_LETTERS = "BIMELSUW"  # I or M continues a span, E or L ends it, S, U or W is a span of one token
_PAIRS = frozenset({("B", "I"), ("B", "M"), ("B", "E"), ("B", "L"), ("I", "E")})  # in spans of several tokens
_USED: Mapping[SchemeName, str] = {"IOB1": "BI", "IOB2": "BI", "IOBES": "BIES", "IOE1": "IE", "IOE2": "IE"}
_IOB, _IOE = {"E": "I", "S": "B"}, {"B": "I", "S": "E"}
_OF_IOBES: Mapping[SchemeName, Mapping[str, str]] = {"IOB1": _IOB, "IOB2": _IOB, "IOE1": _IOE, "IOE2": _IOE}
_OUTSIDE = ("O", "o", "0")
_OUTSIDE_WORDS = ("other", "out", "outside")
UNTAGGED = ("", "-", "_", "?", "*", "none", "null", "nan", "unk")  # may mean that a token has no tag

# the canonical one first
PATTERNS = tuple(
    f"{letter}{separator}X" if at_front else f"X{separator}{letter}"
    for at_front, letter, separator in product((True, False), "Bb", SEPARATORS)
)


@dataclass(frozen=True)
class Spelling:
    """The text of tags: order of prefix and type, letters of prefixes, and the tag outside spans.

    pattern   B in place of the prefix, or b if it is in lower case, and X in place of the type
    letters   the letters for B, I, E and S, in upper case
    """

    pattern: str = PATTERNS[0]
    letters: str = _CANONICAL
    outside: str = "O"

    def of_scheme(self, scheme: SchemeName) -> Spelling:
        """Return the spelling with canonical letters, unless the scheme is IOBES: no other has variants."""
        return self if scheme == "IOBES" else Spelling(self.pattern, _CANONICAL, self.outside)

    def canonical(self, tag: str) -> str:
        """Return the canonical spelling of a tag, or "" if the tag is not in this spelling.

        >>> Spelling("b-X", "BILU", "o").canonical("l-per")
        'E-per'
        >>> Spelling("X_B").canonical("geo_loc_I"), Spelling("X_B").canonical("I-geo_loc")
        ('I-geo_loc', '')
        """
        if tag == self.outside or ("b" in self.pattern and {tag, self.outside} == {"O", "o"}):
            return "O"
        letter, type_ = split_like(tag, self.pattern)
        if not letter or letter not in self.letters:
            return ""
        prefix = _CANONICAL[self.letters.index(letter)]
        return f"{prefix}-{type_}" if type_ else prefix

    def written(self, tag: str, *, scheme: SchemeName) -> str:
        """Return a canonical tag of IOBES or IOB2 as a corpus in `scheme` spells it.

        Spans in IOB1 and IOE1 have the tags of IOB2 and IOE2, which do not depend on their neighbours.

        >>> Spelling("b-X", "BILU", "o").written("E-per", scheme="IOBES")
        'l-per'
        >>> Spelling("X_B").written("S-geo_loc", scheme="IOB1"), Spelling().written("O", scheme="IOB2")
        ('geo_loc_B', 'O')
        """
        if tag == "O" or tag[:1] not in _CANONICAL or tag[1:2] not in ("", "-"):
            return self.outside if tag == "O" else tag
        prefix = _OF_IOBES.get(scheme, {}).get(tag[0], tag[0])
        letter = self.letters[_CANONICAL.index(prefix)]
        is_lower = "b" in self.pattern
        letter, mark = (letter.lower(), "b") if is_lower else (letter, "B")
        return self.pattern.replace(mark, letter).replace("X", tag[2:]) if tag[2:] else letter

    def sample(self, scheme: SchemeName) -> str:
        """Return the tags of a scheme for a type X.

        >>> Spelling("b-X", "BILU", "o").sample("IOBES")
        'b-X, i-X, l-X, u-X and o'
        """
        is_lower = "b" in self.pattern
        letters = [self.letters[_CANONICAL.index(prefix)] for prefix in _USED.get(scheme, _CANONICAL)]
        spelled = [
            self.pattern.replace("b" if is_lower else "B", x.lower() if is_lower else x) for x in letters
        ]
        return f"{', '.join(spelled)} and {self.outside}"


CANONICAL_SPELLING = Spelling()


@dataclass(frozen=True)
class SpellingEvidence:
    """Tags of a corpus under the spelling that most of them have.

    spans: tags in the spelling, without the outside tag
    strays: tags that are neither spans nor outside
    has_outside: whether the outside tag occurs
    supported: whether some type has two prefixes of a longer span, such as B- and I-
    """

    spelling: Spelling
    spans: tuple[str, ...]
    strays: tuple[str, ...]
    has_outside: bool
    supported: bool


def split_like(tag: str, pattern: str) -> tuple[str, str]:
    """Return the prefix in upper case and the type of a tag; two empty strings if it has another pattern.

    >>> split_like("PER_b", "X_b"), split_like("b", "b-X"), split_like("E-mail", "b-X")
    (('B', 'PER'), ('B', ''), ('', ''))
    """
    separator = pattern[1]
    if pattern.endswith("X"):
        letter, found, type_ = tag.partition(separator)
    else:
        type_, found, letter = tag.rpartition(separator)
    fits = len(letter) == 1 and letter.upper() in _LETTERS and letter.islower() == ("b" in pattern)
    return (letter.upper(), type_) if fits and bool(found) == bool(type_) else ("", "")


def is_bare(tokens: Mapping[str, int], *, outside: str | None = None) -> bool:
    """Return whether every tag is a prefix without a type, or the outside tag."""
    words = {*_OUTSIDE, outside}
    return all((len(tag) == 1 and tag.upper() in _LETTERS) or tag in words for tag in tokens)


def read_spelling(
    tokens: Mapping[str, int], *, pattern: str, outside: str | None, certain: bool
) -> SpellingEvidence:
    """Find the spelling of most tags of a corpus; the canonical one if there is no evidence for another.

    The evidence is a type with two prefixes of a longer span. A bare prefix, without a type, counts only if
    all tags are bare.

    Args:
        tokens: number of tokens by tag.
        pattern: the declared pattern, or "auto".
        outside: the declared outside tag, if any.
        certain: whether the tags are known to spell spans, so that letters need no evidence.
    """
    bare = is_bare(tokens, outside=outside)
    if pattern == "auto":
        # of equal ones, max returns the first
        pattern = max(PATTERNS, key=lambda each: _evidence(_split_all(tokens, each, bare=bare), tokens))
    split = _split_all(tokens, pattern, bare=bare)
    supported = _evidence(split, tokens) > 0
    rest = [tag for tag in tokens if tag not in split]
    outside = outside or _outside(rest, tokens, supported=supported)
    letters = _letters(split, tokens, certain=certain)
    spelling = Spelling(pattern, letters, outside)
    return SpellingEvidence(
        spelling=spelling,
        spans=tuple(tag for tag in split if tag != outside),
        strays=tuple(tag for tag in rest if spelling.canonical(tag) != "O"),  # with b-X, O and o are the same
        has_outside=outside in tokens,
        supported=supported,
    )


def respell(tags: pa.ListArray, spelling: Spelling) -> pa.ListArray:
    """Return the tags in canonical spelling; nulls and tags that are not in `spelling` stay as they are.

    >>> respell(pa.array([["b-X", "o", None], None]), Spelling("b-X", outside="o")).to_pylist()
    [['B-X', 'O', None], None]
    """
    if spelling == CANONICAL_SPELLING:
        return tags
    values = tags.flatten()
    encoded = values if pa.types.is_dictionary(values.type) else pc.dictionary_encode(values)
    names = [tag if tag is None else spelling.canonical(tag) or tag for tag in encoded.dictionary.to_pylist()]
    respelled = pa.array(names, pa.string()).take(encoded.indices)
    lengths = pc.fill_null(pc.list_value_length(tags), 0).to_numpy(zero_copy_only=False)
    offsets = np.append(0, np.cumsum(lengths)).astype(np.int32)
    mask = pc.is_null(tags) if tags.null_count else None
    return pa.ListArray.from_arrays(pa.array(offsets), respelled, mask=mask)


def _split_all(tokens: Mapping[str, int], pattern: str, *, bare: bool) -> dict[str, tuple[str, str]]:
    split = {tag: split_like(tag, pattern) for tag in tokens}
    return {tag: (letter, type_) for tag, (letter, type_) in split.items() if letter and (type_ or bare)}


def _evidence(split: Mapping[str, tuple[str, str]], tokens: Mapping[str, int]) -> int:
    """Return the number of tokens with such a tag, 0 if no type has two prefixes of a longer span."""
    pairs = _pairs(split)
    return sum(tokens[tag] for tag in split) if pairs & _PAIRS else 0


def _pairs(split: Mapping[str, tuple[str, str]]) -> set[tuple[str, str]]:
    """Return the pairs of letters that occur with the same type."""
    letters_of = defaultdict(set)
    for letter, type_ in split.values():
        if not type_ or any(map(str.isalnum, type_)):  # not positional tags, such as n-s---mn-
            letters_of[type_].add(letter)
    return {(one, other) for letters in letters_of.values() for one in letters for other in letters}


def _letters(split: Mapping[str, tuple[str, str]], tokens: Mapping[str, int], *, certain: bool) -> str:
    """Return the letters for B, I, E and S: M, L, U and W only if a type also has B.

    A label such as M-1, L-shape or U-turn is no evidence of a scheme.
    """
    totals: dict[str, int] = defaultdict(int)
    for tag, (letter, _) in split.items():
        totals[letter] += tokens[tag]
    pairs = _pairs(split)

    def chosen(usual: str, *others: str, also: bool = False) -> str:
        known = [x for x in others if certain or also or ("B", x) in pairs]
        return max((usual, *known), key=lambda letter: totals[letter])  # the usual one if equal

    inside, end = chosen("I", "M"), chosen("E", "L")
    return f"B{inside}{end}{chosen('S', 'U', 'W', also=end == 'L' or inside == 'M')}"


def _outside(rest: list[str], tokens: Mapping[str, int], *, supported: bool) -> str:
    """Return the outside tag: a letter or word for it, or else the only tag that is not in a span."""
    letters = [tag for tag in _OUTSIDE if tag in rest]
    if letters:
        return max(letters, key=lambda tag: tokens[tag])
    words = [tag for tag in rest if tag.casefold() in _OUTSIDE_WORDS]
    if supported and words:
        return max(sorted(words), key=lambda tag: tokens[tag])
    if supported and len(rest) == 1 and rest[0].casefold() not in UNTAGGED:
        return rest[0]
    return "O"
