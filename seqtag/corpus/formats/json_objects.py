"""Objects of JSON Lines: repeated keys, and advice for files that need conversion."""

from __future__ import annotations

import json
import re
from collections import Counter

from seqtag.config.source_config import JsonlSource

_PLAIN_KEY = re.compile(r"[A-Za-z_]\w*", re.ASCII)  # accepted by jq after a dot
_TOKEN_KEYS = ("text", "token", "word", "form", "value")


class Repeating(dict[str, object]):
    """A JSON object with repeated keys, of which the last value counts."""

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        super().__init__(pairs)
        self.repeated = [key for key, n in Counter(key for key, _ in pairs).items() if n > 1]


def parsed(text: str) -> object:
    """Parse JSON; objects with repeated keys become `Repeating`.

    Raises:
        ValueError, RecursionError: the text is not JSON.

    >>> parsed('{"id": 1, "id": 2}').repeated
    ['id']
    """
    return json.loads(text, object_pairs_hook=parsed_object)


def parsed_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return the object of some pairs; `Repeating` if keys are repeated."""
    found = dict(pairs)
    return found if len(found) == len(pairs) else Repeating(pairs)


def repeated_keys(value: object) -> list[str]:
    """Return the keys that a value of `parsed` repeats at the top level."""
    return value.repeated if isinstance(value, Repeating) else []


def line_advice(text: str) -> str:
    """Return advice for converting text to one object per line, such as a jq command."""
    if text.lstrip().startswith("["):
        return "write one object a line: jq -c '.[]' x.json > x.jsonl"
    if text.strip() == "{":
        return "write one object a line: jq -c . x.json > x.jsonl"
    return "set format to that of the file" if not text.lstrip().startswith("{") else "correct the line"


def field_advice(source: JsonlSource, row: dict[str, object]) -> str:
    """Return advice for an object without the expected tokens and tags: keys to set, or a jq command."""
    return (
        _other_keys(source, row)
        or _command(source, row)
        or "set tokens_column and tags_column to keys of arrays; for text with spans of characters set "
        'format = "jsonl-spans"'
    )


def is_text(value: str) -> bool:
    """Return whether a string can be written as UTF-8: JSON may escape half a surrogate pair."""
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def holds_objects(value: object) -> bool:
    """Return whether a value is a non-empty array of objects."""
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)


def _other_keys(source: JsonlSource, row: dict[str, object]) -> str:
    """Return advice to set the keys of arrays that look like tokens and tags, "" without any."""
    arrays = {key: value for key, value in row.items() if isinstance(value, list) and _is_flat(value)}
    words = [key for key, value in arrays.items() if all(isinstance(v, str) for v in value)]
    words = [source.tokens_column] if source.tokens_column in arrays else words
    tokens = next((key for key in words if key != source.tags_column), None)
    others = [key for key, value in arrays.items() if len(value) == len(arrays.get(tokens or "", ()))]
    others = [source.tags_column] if source.tags_column in arrays else others
    tags = min((key for key in others if key != tokens), key=_unlike_tags, default=None)
    found = {"tokens_column": tokens, "tags_column": tags}
    keys = [f'{key} = "{name}"' for key, name in found.items() if name and name != getattr(source, key)]
    return f"set {' and '.join(keys)} if these are meant" if keys else ""


def _command(source: JsonlSource, row: dict[str, object]) -> str:
    """Return the command that extracts tokens and tags from nested objects, "" without any."""
    for key, value in row.items():
        inner = value[0] if isinstance(value, list) and holds_objects(value) else value
        if not isinstance(inner, dict) or not _PLAIN_KEY.fullmatch(key):
            continue
        has_arrays = sum(isinstance(each, list) and _is_flat(each) for each in inner.values()) > 1
        if isinstance(value, dict) and has_arrays:
            return _jq(f". + .{key}")
        if has_arrays:
            return _jq(f".{key}[]")
        cells = [name for name, cell in inner.items() if isinstance(cell, str) and _PLAIN_KEY.fullmatch(name)]
        token = next((name for name in cells if name.lower() in _TOKEN_KEYS), None)
        tag = next((name for name in cells if name != token and not _unlike_tags(name)), None)
        if token and tag and not isinstance(value, dict):
            lists = ((source.tokens_column, token), (source.tags_column, tag))
            fields = ", ".join(f"{json.dumps(name)}: [.{key}[].{cell}]" for name, cell in lists)
            return _jq(f". + {{{fields}}}")
    return ""


def _jq(program: str) -> str:
    return f"write arrays of strings: jq -c '{program}' x.jsonl > y.jsonl"


def _is_flat(values: list[object]) -> bool:
    return bool(values) and not any(isinstance(value, list | dict) for value in values)


def _unlike_tags(key: str) -> int:
    """Return 0 for a usual name of tags, and 1 for others: a sort key."""
    return 0 if re.search("tag|label|ner|pos", key, re.IGNORECASE) else 1
