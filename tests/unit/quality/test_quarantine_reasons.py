"""Defects of a quarantined sequence, described from its row."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seqtag.quality import Requirements, quarantine_reason

REQUIRED = Requirements(
    "IOB2",
    ("O", "B-PER", "I-PER"),
    3,
    expectations={"expectations.short": "expect_column_to_exist() in tokens"},
)


def row(*reasons: str, **changed: object) -> dict[str, object]:
    sequence = {"sequence_id": "s", "split": None, "tokens": ["a", "b"], "tags": ["O", "O"], "defect": None}
    return {"row": 7, "reasons": list(reasons), **sequence, **changed}


@pytest.mark.parametrize(
    ("sequence", "expected"),
    [
        (row("unknown_tag", tags=["O", "B-X"]), "token 2: tag B-X is not declared"),
        (row("illegal_transition", tags=["O", "I-PER"]), "token 2: I-PER cannot follow O in IOB2"),
        (row("empty_token", tokens=["a", ""]), "token 2 is (empty)"),
        (row("empty_token", tokens=[], tags=[]), "no tokens"),
        (row("length_mismatch", tags=["O"]), "2 tokens, 1 tags"),
        (
            row("missing_tag", tags=[None, "O"]),
            "token 1 has no tag; set tags.partial = true to train on the others",
        ),
        (
            row("missing_tag", tags=["O", ""]),
            "token 2 has an empty tag; set tags.partial = true to train on the others",
        ),
        (
            row("illegal_transition", tags=["O", "-"]),
            'token 2: - is not a tag in IOB2, where O is the outside tag; declare tags.outside = "-" if this '
            "is it; if it marks untagged tokens, set tags.partial = true",
        ),
        (
            row("unknown_tag", tags=["-", "O"]),
            "token 1: tag - is not declared; if it marks untagged tokens, set tags.partial = true",
        ),
        (row("over_long", tokens=["a"] * 4), "4 tokens, more than quality.max_length = 3"),
        (row("broken_sequence", defect="line 3\n: no tab"), "line 3\\n: no tab"),
        (row("expectations.short"), "fails expect_column_to_exist() in tokens"),
        (row("duplicate_id"), "another sequence has the same id"),
        (row("conflicting_labels"), "another sequence has the same tokens but different tags"),
        (
            row("empty_token", "over_long", tokens=[None] * 4),
            "token 1 is (null); 4 tokens, more than quality.max_length = 3",
        ),
    ],
)
def test_every_reason_is_described_with_its_place(sequence, expected):
    assert quarantine_reason(sequence, REQUIRED) == expected


def test_a_defect_after_an_untagged_token_is_described_with_its_place():
    required = replace(REQUIRED, partial=True)
    tags = ["B-PER", "-", "I-PER", None, "O", "I-PER"]
    sequence = row("illegal_transition", tokens=["a"] * 6, tags=tags)
    assert quarantine_reason(sequence, required) == "token 6: I-PER cannot follow O in IOB2"
    assert (
        quarantine_reason(row("unknown_tag", tags=["-", "B-X"]), required)
        == "token 2: tag B-X is not declared"
    )
