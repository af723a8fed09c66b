from __future__ import annotations

import json
from typing import Any

import pytest

from seqtag.serving.request_body import Rejection, normalized

COLUMNS = ("tokens", "price")


def rows(body: Any) -> Any:
    found = json.loads(normalized(json.dumps(body).encode(), COLUMNS))
    assert list(found) == ["dataframe_split"]
    assert found["dataframe_split"]["columns"] == ["tokens", "price"]
    return found["dataframe_split"]["data"]


def test_records_get_a_value_for_each_column_that_the_model_reads() -> None:
    records = [{"tokens": ["a"], "price": [1]}, {"tokens": [], "other": 2}, {"price": None, "tokens": "x"}]
    assert rows({"dataframe_records": records}) == [[["a"], [1]], [[], None], ["x", None]]
    assert rows({"dataframe_records": []}) == []


def test_columns_may_come_in_another_order() -> None:
    split = {"columns": ["price", "tokens"], "index": [7], "data": [[None, ["a"]]]}
    assert rows({"dataframe_split": split}) == [[["a"], None]]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"x", "body is not valid JSON: Expecting value"),
        (b"\xff", "body is not valid JSON"),
        (b"[" * 100_000, "body is not valid JSON: maximum recursion depth"),
        (b"9" * 5_000, "body is not valid JSON: Exceeds the limit"),
        (b"[]", "body is not an object"),
        (b'{"inputs": {"tokens": ["a"]}}', "expected the key dataframe_records or dataframe_split"),
        (b'{"dataframe_records": [{"tokens": []}], "dataframe_split": {}}', "expected the key"),
        (b'{"dataframe_records": [{"words": []}]}', "expected objects with the key tokens"),
        (b'{"dataframe_records": [3]}', "expected objects with the key tokens"),
        (b'{"dataframe_split": {"columns": ["a"], "data": []}}', "columns: expected a list of names"),
        (b'{"dataframe_split": {"columns": ["tokens"], "data": [[]]}}', "data: expected a list"),
    ],
)
def test_other_bodies_are_rejected(body: bytes, reason: str) -> None:
    with pytest.raises(Rejection) as caught:
        normalized(body, COLUMNS)
    assert caught.value.status == 400
    assert reason in caught.value.reason
    assert len(caught.value.reason) <= 200


def test_too_many_tokens_are_rejected() -> None:
    long = {"dataframe_records": [{"tokens": ["a"]}, {"tokens": ["a"] * 10_001}]}
    with pytest.raises(Rejection, match="row 1: sequence is too long: expected at most 10,000 tokens"):
        rows(long)
    with pytest.raises(Rejection, match="request is too long: expected at most 100,000 tokens, got 110,000"):
        rows({"dataframe_records": [{"tokens": ["a"] * 10_000}] * 11})
