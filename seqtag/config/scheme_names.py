"""Names of tag schemes, and patterns for the spelling of tags."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, get_args

from pydantic import WithJsonSchema

from seqtag.config.suggestions import did_you_mean

SchemeName = Literal["none", "IOB1", "IOB2", "IOBES", "IOE1", "IOE2"]

SCHEME_ALIASES: Mapping[str, SchemeName] = {
    "BIO1": "IOB1",
    "BIO": "IOB2",
    "BIO2": "IOB2",
    "BIOES": "IOBES",
    "BIESO": "IOBES",
    "BIEOS": "IOBES",
    "SBIEO": "IOBES",
    "BIEWO": "IOBES",
    "BILOU": "IOBES",
    "BILUO": "IOBES",
    "BIOLU": "IOBES",
    "BIOUL": "IOBES",
    "BMES": "IOBES",
    "BMESO": "IOBES",
    "BMEO": "IOBES",
    "BMEOS": "IOBES",
    "BMEOW": "IOBES",
    "BMEWO": "IOBES",
    "BMOEW": "IOBES",
}
AMBIGUOUS_SCHEMES = {"IOB": "IOB1 or IOB2", "IOE": "IOE1 or IOE2"}
_SCHEMES: Mapping[str, SchemeName] = {name.upper(): name for name in get_args(SchemeName)}

_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"  # hyphens, dashes and the minus sign
_SHOWN_SEPARATORS = "-_:/.|"
SEPARATORS = _SHOWN_SEPARATORS + _DASHES  # allowed between prefix and type
_PATTERN = re.compile(rf"[Bb][{re.escape(SEPARATORS)}]X|X[{re.escape(SEPARATORS)}][Bb]")


def scheme_name(name: object) -> SchemeName | Literal["auto"]:
    """Return the canonical name of a scheme for any of its names, in any case.

    >>> scheme_name("bio"), scheme_name("BILOU"), scheme_name("IOBES"), scheme_name("auto")
    ('IOB2', 'IOBES', 'IOBES', 'auto')

    Raises:
        ValueError: the name is unknown or ambiguous.
    """
    wanted = name.upper() if isinstance(name, str) else ""
    if wanted == "AUTO":
        return "auto"
    if wanted in AMBIGUOUS_SCHEMES:
        raise ValueError(f"ambiguous tag scheme {name!r}: expected {AMBIGUOUS_SCHEMES[wanted]}")
    found = _SCHEMES.get(wanted) or SCHEME_ALIASES.get(wanted)
    if found is None:
        raise ValueError(
            f"unknown tag scheme {name!r}: expected auto, {', '.join(map(_with_aliases, _SCHEMES.values()))}"
            + did_you_mean(name, ("auto", *_SCHEMES.values(), *SCHEME_ALIASES))
        )
    return found


def any_name_of(*schemes: str) -> WithJsonSchema:
    """Return the JSON Schema of a key that takes these schemes by any of their names, in upper case."""
    aliases = [alias for alias, scheme in SCHEME_ALIASES.items() if scheme in schemes]
    return WithJsonSchema({"enum": [*schemes, *aliases], "type": "string"})


def spelling_pattern(text: str) -> str:
    """Return a valid spelling pattern unchanged.

    In a pattern such as `X_B`, B or b is the prefix and X the type.

    Raises:
        ValueError: the pattern is invalid.
    """
    if text != "auto" and not _PATTERN.fullmatch(text):
        raise ValueError(
            f'unknown spelling {text!r}: expected "auto", or B (b in lower case) and X with one of '
            f'{" ".join(_SHOWN_SEPARATORS)} or another dash between them, such as "B-X", "b_X" or "X-B"'
        )
    return text


def _with_aliases(scheme: SchemeName) -> str:
    aliases = [alias for alias, name in SCHEME_ALIASES.items() if name == scheme]
    return f"{scheme} ({', '.join(aliases)})" if aliases else scheme
