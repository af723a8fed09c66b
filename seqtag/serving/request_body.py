"""Body of a request, checked and brought into one form before MLflow reads it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

MAX_TOKENS = 10_000  # of a sequence: the longest that smoke tests try
MAX_REQUEST_TOKENS = 100_000
_TOKENS = "tokens"


class Rejection(Exception):  # noqa: N818 - an answer, not an error of the server
    """A request that is answered without the model.

    Args:
        status: of HTTP.
        reason: one sentence for the client.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


def normalized(body: bytes, columns: Sequence[str]) -> bytes:
    """Return the sequences of a request as `dataframe_split`, with a list or null for each column.

    MLflow allows for formats in which a list of tokens is not one sequence, and for records with other keys
    each, whose table grows with the square of the body.

    Args:
        columns: that the model reads, `tokens` among them; others are left out.

    Raises:
        Rejection: the body is not as MLflow's `dataframe_records` or `dataframe_split`, or it is too large.
    """
    rows: list[list[Any]] = [[record.get(name) for name in columns] for record in _records(_parsed(body))]
    position, n_tokens = list(columns).index(_TOKENS), 0
    for number, row in enumerate(rows):
        length = len(row[position]) if isinstance(row[position], list) else 0
        if length > MAX_TOKENS:
            raise Rejection(
                400,
                f"row {number}: sequence is too long: expected at most {MAX_TOKENS:,} tokens, got "
                f"{length:,}; cut it, or use `seqtag tag`",
            )
        n_tokens += length
    if n_tokens > MAX_REQUEST_TOKENS:
        raise Rejection(
            400,
            f"request is too long: expected at most {MAX_REQUEST_TOKENS:,} tokens, got {n_tokens:,}; send "
            "several requests, or use `seqtag tag-sources`",
        )
    return json.dumps({"dataframe_split": {"columns": list(columns), "data": rows}}).encode()


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:  # also of numbers with thousands of digits
        raise Rejection(400, f"body is not valid JSON: {error}"[:200]) from error
    if not isinstance(found, dict):
        raise Rejection(400, 'body is not an object: expected {"dataframe_records": [{"tokens": [...]}]}')
    return found


def _records(body: dict[str, Any]) -> list[dict[str, Any]]:
    records, split = body.get("dataframe_records"), body.get("dataframe_split")
    if isinstance(records, list) and split is None:
        if not all(isinstance(record, dict) and _TOKENS in record for record in records):
            raise Rejection(400, "dataframe_records: expected objects with the key tokens")
        return records
    if isinstance(split, dict) and records is None:
        names, data = split.get("columns"), split.get("data")
        if not isinstance(names, list) or _TOKENS not in names or not all(isinstance(n, str) for n in names):
            raise Rejection(400, "dataframe_split: columns: expected a list of names with tokens")
        if not isinstance(data, list) or not all(isinstance(r, list) and len(r) == len(names) for r in data):
            raise Rejection(400, "dataframe_split: data: expected a list with a value for each column")
        return [dict(zip(names, row, strict=True)) for row in data]
    raise Rejection(400, "expected the key dataframe_records or dataframe_split, see MLflow's API")
