"""Order of tag ids: first the champion's tags, then declared tags, then all others by count."""

from __future__ import annotations

import doctest
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from seqtag.config import SchemeName
from seqtag.errors import ConfigError, RunDirError
from seqtag.features import TagIndex, tag_index
from seqtag.features.tag_index import tag_order

OBSERVED = {"B-X": 2, "O": 9, "B-Y": 2, "I-Y": 3}


def test_observed_tags_are_ordered_by_falling_count_then_by_name() -> None:
    order = tag_order(OBSERVED, declared=None, previous=(), scheme="IOB2")
    assert order == ("O", "I-Y", "B-X", "B-Y")


def test_declared_tags_keep_their_order_even_if_they_are_not_in_train() -> None:
    declared = ("B-Z", "O", "I-Z", "B-X")
    order = tag_order(OBSERVED, declared=declared, previous=(), scheme="IOB2")
    assert order == ("B-Z", "O", "I-Z", "B-X", "I-Y", "B-Y")


def test_the_champions_tags_keep_their_ids_when_tags_are_added() -> None:
    previous = ("B-Y", "I-Y", "O")
    order = tag_order(OBSERVED, declared=("O", "B-X", "B-NEW"), previous=previous, scheme="IOB2")
    assert order == ("B-Y", "I-Y", "O", "B-X", "B-NEW")


def test_a_tag_that_only_the_champion_has_is_left_out_and_the_others_keep_their_order() -> None:
    previous = ("B-Y", "B-GONE", "I-Y", "O")
    assert tag_order(OBSERVED, declared=None, previous=previous, scheme="IOB2") == ("B-Y", "I-Y", "O", "B-X")


def test_a_declared_tag_of_the_champion_keeps_its_place_even_if_it_is_not_in_train() -> None:
    previous = ("B-Y", "B-GONE", "I-Y", "O")
    order = tag_order(OBSERVED, declared=("O", "B-GONE"), previous=previous, scheme="IOB2")
    assert order == ("B-Y", "B-GONE", "I-Y", "O", "B-X")


def test_the_order_of_a_champion_of_another_scheme_is_ignored() -> None:
    order = tag_order({"O": 2, "B-X": 1}, declared=None, previous=("S-X", "O"), scheme="IOB2")
    assert order == ("O", "B-X")


@pytest.mark.parametrize(
    ("declared", "scheme", "expected"),
    [
        (("O", "B-X", "I-X"), "IOBES", ("O", "B-X", "I-X", "E-X", "S-X")),
        (("O", "B-X", "I-X", "E-X", "S-X"), "IOB2", ("O", "B-X", "I-X")),
        (("I-X", "O", "I-Y"), "IOB2", ("O", "B-X", "I-X", "B-Y", "I-Y")),
        (("I", "O"), "IOB2", ("O", "B", "I")),
        (("O", "S-X"), "IOBES", ("O", "S-X")),
        (("O", "B-X"), "IOB2", ("O", "B-X")),
        (("I-X", "O"), "none", ("I-X", "O")),
    ],
)
def test_tags_declared_for_another_scheme_are_converted(
    declared: tuple[str, ...], scheme: SchemeName, expected: tuple[str, ...]
) -> None:
    assert tag_order({}, declared=declared, previous=(), scheme=scheme) == expected


def test_tags_outside_the_index_and_nulls_have_no_id() -> None:
    ids = TagIndex(("O", "B-X"), "IOB2").ids(pa.array(["B-X", "I-X", None, "O"]))
    assert ids.tolist() == [1, -1, -1, 0]
    assert ids.dtype == np.int32


def test_a_saved_index_loads_unchanged(tmp_path: Path) -> None:
    index = TagIndex(("O", "B-Ü"), "IOB2", {"O": 5, "B-Ü": 0})
    index.save(tmp_path)
    loaded = TagIndex.load(tmp_path)
    assert loaded == index
    assert loaded.counts == {"O": 5, "B-Ü": 0}
    assert loaded.digest == index.digest
    assert json.loads((tmp_path / "tags.json").read_text("utf-8")) == {
        "tags": ["O", "B-Ü"],
        "scheme": "IOB2",
        "counts": {"O": 5, "B-Ü": 0},
    }


def test_the_digest_depends_on_order_and_scheme() -> None:
    digest = TagIndex(("O", "B"), "IOB2", {"O": 1}).digest
    assert TagIndex(("O", "B"), "IOB2", {"O": 2}).digest == digest
    assert TagIndex(("B", "O"), "IOB2").digest != digest
    assert TagIndex(("O", "B"), "none").digest != digest


@pytest.mark.parametrize(
    "text", ["", "[]", '{"tags": ["O"]}', '{"tags": ["O"], "scheme": "BIO", "counts": {}}']
)
def test_a_malformed_file_raises_a_run_dir_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "tags.json").write_text(text)
    with pytest.raises(RunDirError, match=r"tags\.json"):
        TagIndex.load(tmp_path)


def test_iobes_tags_are_given_in_iob2_on_request() -> None:
    index = TagIndex(("O", "S-X", "B-Y-Z", "I-Y-Z", "E-Y-Z"), "IOBES")
    assert index.tags_in("IOB2") == ("O", "B-X", "B-Y-Z", "I-Y-Z", "I-Y-Z")
    assert index.tags_in("IOBES") == index.tags
    assert TagIndex(("NN", "S"), "none").tags_in("none") == ("NN", "S")


@pytest.mark.parametrize(("scheme", "other"), [("IOB2", "IOBES"), ("none", "IOB2"), ("IOBES", "IOB1")])
def test_tags_are_not_given_in_any_other_scheme(scheme: SchemeName, other: SchemeName) -> None:
    with pytest.raises(
        ConfigError, match=f"scheme of output is unsupported: expected {scheme}.*, got {other}"
    ):
        TagIndex(("O",), scheme).tags_in(other)


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(tag_index).failed == 0
