"""Length limits of MLflow's columns (3.17), and text shortened to fit them.

PostgreSQL rejects longer text, SQLite does not. The ledger's own columns have no limit.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

# characters
DESCRIPTION: Final = 5_000  # model_versions.description
TAG: Final = 8_000  # tags.value; model_version_tags.value has no limit
PARAM: Final = 6_000  # params.value holds 8,000, but MLflow itself rejects more than this
KEY: Final = 250  # params.key
RUN_NAME: Final = 250  # runs.name
DATASET_NAME: Final = 500  # datasets.name
DATASET_DIGEST: Final = 36  # datasets.digest

_WORD: Final = 100  # a text is cut before its last word, unless that is longer
# NUL, which PostgreSQL cannot store, and unpaired surrogates, which UTF-8 cannot encode
_UNSTORABLE: Final = re.compile(r"[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    """Return a text with U+FFFD in place of characters that a database cannot store."""
    return _UNSTORABLE.sub("\ufffd", text)


def fitted(text: str, length: int, *, whole: str) -> str:
    """Return a text of at most `length` characters; a longer one is cut at a word.

    Args:
        whole: place where the whole text can be read.

    >>> fitted("HOLD: the difference is too small to tell", 40, whole="decision.json")
    'HOLD: the … (continued in decision.json)'
    """
    text = storable(text)
    if len(text) <= length:
        return text
    note = f" … (continued in {whole})"
    head = text[: length - len(note)]
    blank = -1 if text[len(head)].isspace() else head.rfind(" ", max(0, len(head) - _WORD))
    return (head if blank < 0 else head[:blank]).rstrip() + note


def fitted_key(key: str) -> str:
    """Return a parameter's name of at most `KEY` characters; a longer one ends in a digest to stay unique."""
    if len(key) <= KEY:
        return key
    digest = hashlib.sha256(key.encode()).hexdigest()[:8]
    return f"{key[: KEY - len(digest) - 1]}-{digest}"
