"""What a CRF is told about a token: its word, affixes and shape, and those of its neighbours.

Everything that depends on one token alone is spelled once per distinct token; a corpus has few of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

_NEIGHBOURS = ("-2", "-1", "+1", "+2")
_AFFIXES = range(1, 5)  # characters


@dataclass(frozen=True, slots=True)
class TokenAttributes:
    """The attributes of one distinct token in UTF-8, as CRFsuite reads them."""

    word: bytes  # lower-cased
    own: tuple[bytes, ...]
    as_neighbour: tuple[tuple[bytes, ...], ...]  # where it stands 2 before, 1 before, 1 behind, 2 behind


class AttributesByToken(dict[str, TokenAttributes]):
    """The attributes of every token that was ever asked for."""

    def __missing__(self, token: str) -> TokenAttributes:
        lower, short = token.lower(), word_shape(token, short=True)
        seen_from_afar = (f"word={lower}", f"shape={short}")
        seen_from_beside = (*seen_from_afar, f"suffix={lower[-3:]}")
        views = (seen_from_afar, seen_from_beside, seen_from_beside, seen_from_afar)
        attributes = self[token] = TokenAttributes(
            word=lower.encode(),
            own=tuple(text.encode() for text in _own(token, lower, short)),
            as_neighbour=tuple(
                tuple(f"{where}:{text}".encode() for text in view)
                for where, view in zip(_NEIGHBOURS, views, strict=True)
            ),
        )
        return attributes


_EDGE = TokenAttributes(  # what stands before the first token and behind the last
    word=b"",
    own=(),
    as_neighbour=tuple((f"{where}:edge".encode(),) for where in _NEIGHBOURS),
)


def sequence_attributes(tokens: Sequence[TokenAttributes]) -> list[list[bytes]]:
    """Return the attributes of every token of a sequence: its own, its neighbours' and its pairs of words."""
    padded = [_EDGE, _EDGE, *tokens, _EDGE, _EDGE]
    return [
        [
            *here.own,
            *second_before.as_neighbour[0],
            *before.as_neighbour[1],
            *behind.as_neighbour[2],
            *second_behind.as_neighbour[3],
            b"-1|0:" + before.word + b"|" + here.word,
            b"0|+1:" + here.word + b"|" + behind.word,
        ]
        for second_before, before, here, behind, second_behind in zip(
            padded, padded[1:], padded[2:], padded[3:], padded[4:], strict=False
        )
    ]


def word_shape(token: str, *, short: bool) -> str:
    """Return the token with letters as X or x and digits as d; `short`: each run of equal ones as one.

    >>> word_shape("McDonald-2000", short=False), word_shape("McDonald-2000", short=True)
    ('XxXxxxxx-dddd', 'XxXx-d')
    """
    shape = "".join(_class(character) for character in token)
    return "".join(one for one, _ in groupby(shape)) if short else shape


def _class(character: str) -> str:
    if character.isupper():
        return "X"
    if character.islower():
        return "x"
    return "d" if character.isdigit() else character


def _own(token: str, lower: str, short: str) -> Iterator[str]:
    yield "bias"
    yield f"word={lower}"
    yield f"form={token}"
    yield f"shape={short}"
    yield f"long shape={word_shape(token, short=False)}"
    for n in _AFFIXES:
        if n <= len(lower):
            yield f"prefix={lower[:n]}"
            yield f"suffix={lower[-n:]}"
    if token.isdigit():
        yield "digits"
    if any(character.isdigit() for character in token):
        yield "a digit"
    if token.istitle():
        yield "title"
    if token.isupper():
        yield "upper"
    if "-" in token:
        yield "hyphen"
    if not any(character.isalnum() for character in token):
        yield "no letter or digit"
