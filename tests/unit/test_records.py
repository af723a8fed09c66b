"""Records: written and read through one class; anything else is refused with one sentence."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from seqtag.errors import OtherVersionError, RunDirError
from seqtag.records import Record


@dataclass(frozen=True)
class Share:
    """A part of a record."""

    value: float | None
    support: int


@dataclass(frozen=True)
class Shares(Record):
    """A record with all that records are made of."""

    FORMAT: ClassVar[str] = "shares/2"

    name: str
    held: bool
    by_name: dict[str, Share]
    rules: tuple[str, ...] = ()


RECORD = Shares("a", held=True, by_name={"b": Share(0.5, 3), "c": Share(None, 0)}, rules=("x", "y"))


def content(**changed: object) -> str:
    fields: dict[str, object] = {"name": "a", "held": True, "by_name": {}, "rules": []}
    return json.dumps({k: v for k, v in {**fields, **changed}.items() if v != "absent"})


def test_a_record_is_loaded_as_it_was_saved(tmp_path: Path) -> None:
    RECORD.save(tmp_path / "shares.json")

    assert Shares.load(tmp_path / "shares.json") == RECORD


def test_equal_records_give_equal_bytes_that_name_their_format(tmp_path: Path) -> None:
    other = Shares("a", held=True, by_name={"c": Share(None, 0), "b": Share(0.5, 3)}, rules=("x", "y"))
    RECORD.save(tmp_path / "one.json")
    other.save(tmp_path / "two.json")

    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    assert json.loads((tmp_path / "one.json").read_text())["format"] == "shares/2"


def test_a_file_from_before_formats_were_named_is_read(tmp_path: Path) -> None:
    (tmp_path / "shares.json").write_text(content())

    assert Shares.load(tmp_path / "shares.json") == Shares("a", held=True, by_name={})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (content(format="shares/1"), r"format is 'shares/1', expected 'shares/2'"),
        (content(format="decision/2"), r"format is 'decision/2', expected 'shares/2'"),
        (content(held="yes"), r"not a valid shares/2: held: Input should be a valid boolean"),
        (content(held="absent"), r"not a valid shares/2: held: Field required"),
        (content(more=1), r"not a valid shares/2: more: Unexpected keyword argument"),
        (
            content(by_name={"b": {"value": 1, "support": 2.5}}),
            r"by_name\.b\.support: Input should be a valid int",
        ),
        ("[]", r"not an object, expected shares/2, got a JSON list"),
        ('[["name", "a"], ["held", true]]', r"not an object, expected shares/2, got a JSON list"),
        ("3", r"not an object, expected shares/2, got a JSON int"),
        (content(by_name={"b": {"value": float("nan"), "support": 1}}), r"NaN is not a JSON number"),
        (content(by_name={"b": {"value": float("-inf"), "support": 1}}), r"-Infinity is not a JSON number"),
        ("{", r"cannot be read as JSON"),
        ("[" * 100_000, r"cannot be read as JSON"),
    ],
)
def test_a_file_of_another_shape_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "shares.json").write_text(text)

    with pytest.raises(RunDirError, match=rf"shares\.json: .*{message}"):
        Shares.load(tmp_path / "shares.json")


def test_errors_tell_files_of_other_versions_from_damaged_ones(tmp_path: Path) -> None:
    path = tmp_path / "shares.json"

    for text in (content(format="shares/1"), content(held="absent"), "[]"):
        path.write_text(text)
        with pytest.raises(OtherVersionError):
            Shares.load(path)
    for text in (content(format="shares/2", held="absent"), "{"):
        path.write_text(text)
        with pytest.raises(RunDirError) as refused:
            Shares.load(path)
        assert not isinstance(refused.value, OtherVersionError)


def test_a_record_is_optional_unless_it_cannot_be_read_now(tmp_path: Path) -> None:
    path = tmp_path / "shares.json"
    assert Shares.load_or_none(path) is None
    for text in ("{", "[]", content(format="shares/1"), content(held="absent")):
        path.write_text(text)
        assert Shares.load_or_none(path) is None
    RECORD.save(path)
    assert Shares.load_or_none(path) == RECORD
    path.unlink()
    path.mkdir()
    with pytest.raises(RunDirError, match="directory"):
        Shares.load_or_none(path)


def test_a_file_that_cannot_be_reached_is_refused_with_its_cause(tmp_path: Path) -> None:
    with pytest.raises(RunDirError, match=r"nothing\.json") as refused:
        Shares.load(tmp_path / "nothing.json")

    assert isinstance(refused.value.__cause__, FileNotFoundError)
