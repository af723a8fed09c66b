"""CRF attributes of a token: its word, affixes and shape, and those of its neighbours.

Attributes that depend on a single token are computed once per distinct token.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

_NEIGHBOURS = ("-2", "-1", "+1", "+2")
_AFFIXES = range(1, 5)  # characters


@dataclass(frozen=True, slots=True)
class TokenAttributes:
    """Attributes of one distinct token, UTF-8 encoded for CRFsuite."""

    word: bytes  # lower-cased
    own: tuple[bytes, ...]
    as_neighbour: tuple[tuple[bytes, ...], ...]  # for other tokens, by its offset from them: -2, -1, +1, +2


class AttributesByToken(dict[str, TokenAttributes]):
    """Attributes by token, computed on first access."""

    def __missing__(self, token: str) -> TokenAttributes:
        lower, short = token.lower(), word_shape(token, short=True)
        distant = (f"word={lower}", f"shape={short}")
        adjacent = (*distant, f"suffix={lower[-3:]}")
        by_offset = (distant, adjacent, adjacent, distant)
        attributes = self[token] = TokenAttributes(
            word=lower.encode(),
            own=tuple(text.encode() for text in _own(token, lower, short)),
            as_neighbour=tuple(
                tuple(f"{offset}:{text}".encode() for text in texts)
                for offset, texts in zip(_NEIGHBOURS, by_offset, strict=True)
            ),
        )
        return attributes


_EDGE = TokenAttributes(  # before the first token and after the last
    word=b"",
    own=(),
    as_neighbour=tuple((f"{offset}:edge".encode(),) for offset in _NEIGHBOURS),
)


def sequence_attributes(
    tokens: Sequence[TokenAttributes], columns: Sequence[Sequence[str]] = ()
) -> list[list[bytes]]:
    """Return the attributes of each token: its own, those of its neighbours, and pairs of adjacent words.

    Args:
        tokens: attributes of the tokens.
        columns: attributes of further columns, by token; empty if there are none.
    """
    padded = [_EDGE, _EDGE, *tokens, _EDGE, _EDGE]
    attributes = [
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
    around = [(), *columns, ()]
    for of_token, *nearest in zip(
        attributes if columns else (), around, around[1:], around[2:], strict=False
    ):
        for offset, texts in zip(("-1:", "", "+1:"), nearest, strict=True):
            of_token += [f"{offset}{text}".encode() for text in texts]
    return attributes


def word_shape(token: str, *, short: bool) -> str:
    """Return the token with letters as X or x and digits as d; `short` collapses repeated characters.

    >>> word_shape("McDonald-2000", short=False), word_shape("McDonald-2000", short=True)
    ('XxXxxxxx-dddd', 'XxXx-d')
    """
    shape = "".join(_character_class(character) for character in token)
    return "".join(one for one, _ in groupby(shape)) if short else shape


def _character_class(character: str) -> str:
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
