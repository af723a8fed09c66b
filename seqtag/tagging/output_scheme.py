"""Schemes and spellings in which predicted spans are written, and what each of them cannot express."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from seqtag.config import SchemeName
from seqtag.config.scheme_names import AMBIGUOUS_SCHEMES, SCHEME_ALIASES, spelling_pattern
from seqtag.config.suggestions import did_you_mean
from seqtag.errors import ConfigError, TagSchemeError
from seqtag.tagging.ragged import flatten, relist
from seqtag.tagging.schemes import SPAN_SCHEMES
from seqtag.tagging.spans import Spans, spans_of, tags_of
from seqtag.tagging.spelling import CANONICAL_SPELLING, Spelling, split_like

BRACKETS = "brackets"
OUTPUT_SCHEMES: tuple[str, ...] = (*sorted(SPAN_SCHEMES), *SCHEME_ALIASES, "IO", BRACKETS)


@dataclass(frozen=True)
class OutputScheme:
    """A way to write spans as tags.

    scheme     of the output; None: that of the input tags; IO: I alone; brackets:
               `(PER*`, `*`, `*)` and `(PER*)` as in CoNLL-2005
    spelling   the text of the tags; not used by brackets
    """

    scheme: SchemeName | Literal["IO", "brackets"] | None
    spelling: Spelling = CANONICAL_SPELLING

    @classmethod
    def chosen(cls, name: str | None, *, pattern: str | None, outside: str | None) -> Self | None:
        """Return the scheme as `named` does; None if nothing is chosen."""
        if name is None and pattern is None and outside is None:
            return None
        return cls.named(name, pattern=pattern, outside=outside)

    @classmethod
    def named(cls, name: str | None, *, pattern: str | None = None, outside: str | None = None) -> Self:
        """Return the scheme for any of its names, with the letters of that name.

        Args:
            name: one of `OUTPUT_SCHEMES`, in any case; None: the scheme of the tags that are converted.
            pattern: as of `Spelling`, such as "b_X"; None: "B-X".
            outside: the tag outside spans; None: "O".

        >>> OutputScheme.named("bilou", pattern="b-X").spelling
        Spelling(pattern='b-X', letters='BILU', outside='O')

        Raises:
            ConfigError: the name or the pattern is unknown, the outside tag is empty, contains whitespace or
                looks like a span, or brackets are to be spelled otherwise.
        """
        wanted = (name or "").upper()
        if wanted == BRACKETS.upper():
            if pattern is not None or outside is not None:
                raise ConfigError("brackets have one spelling: remove spelling and outside")
            return cls("brackets")
        try:
            spelling = Spelling(
                CANONICAL_SPELLING.pattern if pattern in (None, "auto") else spelling_pattern(pattern),
                _letters(wanted) if wanted in SCHEME_ALIASES else CANONICAL_SPELLING.letters,
                CANONICAL_SPELLING.outside if outside is None else outside,
            )
        except ValueError as error:
            raise ConfigError(str(error)) from None
        if spelling.outside.split() != [spelling.outside]:  # it would shift columns, or end a line
            raise ConfigError(f"outside tag is empty or has whitespace: expected text, got {outside!r}")
        if split_like(spelling.outside, spelling.pattern)[0]:
            raise ConfigError(f"outside tag {outside!r} is spelled like a span: choose another one")
        if wanted == "IO":
            return cls("IO", spelling)
        scheme = next((each for each in SPAN_SCHEMES if each == wanted), SCHEME_ALIASES.get(wanted))
        if scheme is None and name is not None:
            raise _unknown(name)
        return cls(scheme, spelling)

    def require_spans(self, source: SchemeName) -> None:
        """Raise a ConfigError if the tags of a model have no scheme."""
        if source == "none":
            raise ConfigError(
                "tags of this model are labels of single tokens: expected spans, which a scheme can "
                "spell; leave out scheme, spelling and outside"
            )

    def converted(self, tags: pa.ListArray, source: SchemeName, *, first: int = 0) -> pa.ListArray:
        """Return tags that spell the same spans.

        Spans are read like conlleval, which repairs illegal transitions.

        Args:
            tags: `list<string>`, in the canonical spelling of `source`.
            first: number of the first sequence in messages, from 0.

        >>> tags = pa.array([["B-PER", "I-PER", "O", "B-LOC"]])
        >>> OutputScheme.named("BILOU").converted(tags, "IOB2").to_pylist()
        [['B-PER', 'L-PER', 'O', 'U-LOC']]
        >>> OutputScheme.named("brackets").converted(tags, "IOB2").to_pylist()
        [['(PER*', '*)', '*', '(LOC*)']]

        Raises:
            TagSchemeError: the scheme cannot express the spans, or `source` has none.
        """
        spans = spans_of(tags, source, mode="conlleval")
        offsets = flatten(tags)[1]
        if self.scheme == "brackets":
            return _bracketed(spans, offsets, first=first)
        if self.scheme == "IO":
            _refuse_touching(spans, first=first)
        scheme = "IOB1" if self.scheme == "IO" else self.scheme or source
        spelled = tags_of(spans, np.diff(offsets), scheme)
        # in IOBES every prefix stands for itself
        encoded = spelled.flatten().dictionary_encode()
        names = [self.spelling.written(tag, scheme="IOBES") for tag in encoded.dictionary.to_pylist()]
        return relist(pa.array(names, pa.string()).take(encoded.indices), offsets)


def _letters(name: str) -> str:
    """Return the letters for B, I, E and S in the name of a scheme.

    >>> _letters("BILOU"), _letters("BMEWO"), _letters("BIOES")
    ('BILU', 'BMEW', 'BIES')
    """
    inside = "M" if "M" in name else "I"
    end = "L" if "L" in name else "E"
    return f"B{inside}{end}{next((letter for letter in 'UW' if letter in name), 'S')}"


def _unknown(name: str) -> ConfigError:
    if name.upper() in AMBIGUOUS_SCHEMES:
        return ConfigError(f"ambiguous tag scheme {name!r}: expected {AMBIGUOUS_SCHEMES[name.upper()]}")
    near = did_you_mean(name, OUTPUT_SCHEMES)
    return ConfigError(f"unknown tag scheme {name!r}: expected {', '.join(OUTPUT_SCHEMES)}{near}")


def _refuse_touching(spans: Spans, *, first: int) -> None:
    """Raise if a span directly follows another one of its type, since I alone would join them."""
    touches = np.flatnonzero(
        (spans.sequence[1:] == spans.sequence[:-1])
        & (spans.start[1:] == spans.stop[:-1])
        & (spans.type_id[1:] == spans.type_id[:-1])
    )
    if len(touches):
        place, type_ = _described(spans, int(touches[0]) + 1, first=first)
        raise TagSchemeError(
            f"scheme IO cannot express touching spans: the span of type {type_!r} at {place} directly "
            "follows another one; choose IOB2"
        )


def _bracketed(spans: Spans, offsets: npt.NDArray[np.int64], *, first: int) -> pa.ListArray:
    """Return tags in brackets, as in the props of CoNLL-2005 and the names of CoNLL-2012."""
    wrong = np.array([not set(type_).isdisjoint("()*") for type_ in spans.types], np.bool_)
    refused = np.flatnonzero(wrong[spans.type_id])
    if len(refused):
        place, type_ = _described(spans, int(refused[0]), first=first)
        raise TagSchemeError(
            f"brackets cannot express type {type_!r}: expected none of ( ) * in it, at {place}; choose "
            "another scheme"
        )
    opening = np.full(offsets[-1], -1, np.int32)
    opening[offsets[spans.sequence] + spans.start] = spans.type_id
    closes = np.zeros(offsets[-1], np.int32)
    closes[offsets[spans.sequence] + spans.stop - 1] = 1
    fronts = ("", *(f"({type_}" for type_ in spans.types))
    names = pa.array([f"{front}*{back}" for front in fronts for back in ("", ")")], pa.string())
    return relist(names.take(pa.array((opening + 1) * 2 + closes)), offsets)


def _described(spans: Spans, number: int, *, first: int) -> tuple[str, str]:
    """Return the place of a span in words, and its type."""
    sequence, token = first + int(spans.sequence[number]) + 1, int(spans.start[number]) + 1
    return f"sequence {sequence}, token {token}", spans.types[spans.type_id[number]]
