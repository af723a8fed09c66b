"""Mutations of valid files: flip bits, cut, repeat, splice, and insert tokens that break readers."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

TOKENS: Sequence[bytes] = (
    *(b"\x00", b"\xef\xbb\xbf", b"\r", b"\r\n", b"\n\n\n", b"\t", b"\t\t", b"\x0b", b"\x1c", b"\x85"),
    *(
        "\u2028".encode(),
        "\u00a0".encode(),
        "\u200b".encode(),
        "\U0001f9ff".encode(),
        b"\xed\xa0\x80",
        b"\xff",
    ),
    *(b'"', b"'", b",", b";", b"[", b"]", b"{", b"}", b"[[[[[[[[", b"null", b"true", b"NaN", b"-Infinity"),
    *(b"1e999", b"-1", b"0", b"9" * 5000, b"18446744073709551616", b"0x7f", b"\\ud800", b'\\"', b"\\"),
    *(b"-DOCSTART-", b"# newdoc", b"# sent_id = ", b"1-2\t", b"1.1\t", b"B-", b"I-", b"O", b"-", b"_"),
    *(
        b"../",
        b"/",
        b"${HOME}",
        b"${",
        b"://",
        b"%00",
        b"PAR1",
        b"PK\x03\x04",
        b"\x1f\x8b",
        b"A" * 65_536,
        b"[" * 100_000,
    ),
)


def mutated(seeds: Sequence[bytes], number: int) -> bytes:
    """Return one of the seeds after one to four mutations, determined by `number` alone."""
    draw = random.Random(number)
    content = draw.choice(seeds)
    for _ in range(draw.randint(1, 4)):
        content = draw.choice(_MUTATIONS)(content, seeds, draw)
    return content[:1_000_000]


def _flip(content: bytes, _: Sequence[bytes], draw: random.Random) -> bytes:
    at = draw.randrange(len(content) + 1)
    return (
        content[:at]
        + bytes([byte ^ (1 << draw.randrange(8)) for byte in content[at : at + 1]])
        + content[at + 1 :]
    )


def _overwrite(content: bytes, _: Sequence[bytes], draw: random.Random) -> bytes:
    at, n = draw.randrange(len(content) + 1), draw.randint(1, 8)
    return content[:at] + draw.randbytes(n) + content[at + n :]


def _insert(content: bytes, _: Sequence[bytes], draw: random.Random) -> bytes:
    at = draw.randrange(len(content) + 1)
    return content[:at] + draw.choice(TOKENS) + content[at:]


def _replace(content: bytes, _: Sequence[bytes], draw: random.Random) -> bytes:
    words = content.split(b" ")
    words[draw.randrange(len(words))] = draw.choice(TOKENS)
    return b" ".join(words)


def _cut(content: bytes, _: Sequence[bytes], draw: random.Random) -> bytes:
    return content[: draw.randrange(len(content) + 1)]


def _remove(content: bytes, _: Sequence[bytes], draw: random.Random) -> bytes:
    at = draw.randrange(len(content) + 1)
    return content[:at] + content[at + draw.randint(1, 64) :]


def _repeat(content: bytes, _: Sequence[bytes], draw: random.Random) -> bytes:
    at = draw.randrange(len(content) + 1)
    piece = content[at : at + draw.randint(1, 64)]
    return content[:at] + piece * draw.choice([2, 3, 200]) + content[at:]


def _splice(content: bytes, seeds: Sequence[bytes], draw: random.Random) -> bytes:
    other = draw.choice(seeds)
    return content[: draw.randrange(len(content) + 1)] + other[draw.randrange(len(other) + 1) :]


def _shuffle_lines(content: bytes, _: Sequence[bytes], draw: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    draw.shuffle(lines)
    return b"".join(lines)


_MUTATIONS: Sequence[Callable[[bytes, Sequence[bytes], random.Random], bytes]] = (
    *(_flip, _overwrite, _insert, _insert, _replace, _cut, _remove, _repeat, _splice, _shuffle_lines),
)
