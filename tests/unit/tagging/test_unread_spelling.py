"""Spellings of span tags that are refused, and labels that only look like them."""

from __future__ import annotations

import pytest

from seqtag.tagging.unread_spelling import unread_spelling


@pytest.mark.parametrize(
    ("begin", "inside"),
    [
        ("[B]-PER", "[I]-PER"),
        ("B#PER", "I#PER"),
        ("B PER", "I PER"),
        ("B(PER)", "I(PER)"),
        ("PER[B]", "PER[I]"),
        ("PER+B", "PER+M"),
        ("BEGIN-PER", "INSIDE-PER"),
        ("per_begin", "per_in"),
    ],
)
def test_spans_with_another_prefix_or_separator_are_named(begin: str, inside: str) -> None:
    assert unread_spelling({begin: 3, begin.replace("P", "Q"): 3, inside: 2, "O": 20}) == (
        f"tags have a prefix that is not read, such as {begin}"
    )


@pytest.mark.parametrize(
    "tags",
    [
        ("begin_checkout", "end_checkout", "start_order"),
        ("begin_checkout", "in_cart", "view"),
        ("B-1", "I-1"),  # supported patterns are judged elsewhere
        ("b+1", "i+1", "c+1"),
    ],
)
def test_labels_are_not_taken_for_spans(tags: tuple[str, ...]) -> None:
    assert unread_spelling(dict.fromkeys(tags, 5)) is None


@pytest.mark.parametrize("none", ["-", "_", "O"])
def test_spans_in_brackets_without_a_star_are_named(none: str) -> None:
    assert unread_spelling({"(person-1": 3, "person-1)": 3, "(2)": 1, "(1|(2": 1, none: 20}) == (
        "tags are spans in brackets, such as (1|(2"
    )


def test_brackets_among_labels_are_labels() -> None:
    assert unread_spelling({"(": 3, ")": 3, "-LRB-": 2, "NN": 9, ":)": 2, "(c": 1}) is None
