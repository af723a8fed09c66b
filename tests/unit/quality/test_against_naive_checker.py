"""Validation agrees with a naive checker on randomly corrupted corpora."""

from __future__ import annotations

import random
from dataclasses import asdict

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqtag.quality import violations
from seqtag.quality.counters import TransitionCounter, scheme_bit
from seqtag.quality.snapshot_reader import CodedLists
from tests.unit.quality import naive

TAGS = ["O", "B-X", "I-X", "B-Y", "I-Y"]


def corrupted(seed: int, n: int = 160) -> list[naive.Row]:
    """Return short sequences over few words, so that they repeat, with every kind of defect."""
    draw = random.Random(seed)
    rows = []
    for i in range(n):
        tokens: list[str | None] = draw.choices(["a", "b", "c", "d"], k=draw.randint(1, 6))
        tags: list[str | None] | None = draw.choices(TAGS, weights=[6, 2, 2, 1, 1], k=len(tokens))
        if draw.random() < 0.6:
            tags = ["O"] * len(tokens)
        row = {
            "sequence_id": f"s{draw.randint(0, n)}" if draw.random() < 0.3 else f"t{i}",
            "document_id": f"d{i}",
            "split": draw.choice(["train", "train", "dev", "test"]),
            "tokens": tokens,
            "tags": tags,
            "defect": None,
        }
        match draw.randint(0, 20):
            case 0:
                row["tags"] = None
            case 1:
                row["tags"] = [*tags, "O"]
            case 2:
                tokens[draw.randrange(len(tokens))] = draw.choice([None, ""])
            case 3:
                tags[draw.randrange(len(tags))] = draw.choice([None, ""])
            case 4:
                tags[draw.randrange(len(tags))] = draw.choice(["FOO", "S-X", "B-", "I", "E-Y", "-X"])
            case 5:
                row["defect"] = "corpus.txt:3: found 1 column, expected 2"
            case 6:
                row["tokens"], row["tags"] = [], []
            case 7:
                row["tokens"], row["tags"] = tokens * 5, tags * 5
        rows.append(row)
    return rows


@pytest.mark.parametrize("rows_at_once", [1 << 20, 10], ids=["whole", "in parts"])
@pytest.mark.parametrize(
    ("seed", "scheme", "declared", "rules"),
    [
        (1, "IOB2", TAGS, {}),
        (2, "IOB1", None, {}),
        (3, "IOBES", [*TAGS, "S-X"], {}),
        (4, "none", TAGS, {}),
        (5, "IOB2", TAGS, {"illegal_transition": "off", "conflicting_labels": "quarantine"}),
        (6, "IOB2", None, {"length_mismatch": "warn", "empty_token": "off", "duplicate_id": "off"}),
        (7, "IOB1", TAGS, {"broken_sequence": "warn", "over_long": "fail", "conflicting_labels": "off"}),
        (8, "none", None, dict.fromkeys(naive.SINGLE, "off")),
    ],
)
def test_a_naive_checker_agrees(seed, scheme, declared, rules, rows_at_once, profiled, monkeypatch):
    monkeypatch.setattr(violations, "_ROWS_AT_ONCE", rows_at_once)
    rows = corrupted(seed)
    expected = naive.judged(rows, scheme=scheme, declared=declared, max_length=20, rules=rules)

    seen = profiled(
        rows,
        tags={"scheme": scheme, "declared": declared},
        quality={"rules": rules, "max_length": 20, "leakage_min_length": 2},
    )

    counts = seen.counts
    for rule in (*naive.SINGLE, "duplicate_id", "conflicting_labels"):
        assert counts.get(rule, 0) == len(expected["violations"].get(rule, [])), rule
    assert {row: set(reasons) for row, reasons in seen.reasons.items()} == expected["reasons"]
    assert [rows[row["row"]]["tokens"] for row in seen.quarantine] == [
        row["tokens"] for row in seen.quarantine
    ]
    assert {name: asdict(split) for name, split in seen.found.splits.items()} == expected["splits"]
    assert counts["duplicates"] == expected["n_duplicates"]
    assert counts["leakage"] == expected["n_leaks"]
    assert {(t, s): n for t, by in seen.found.tags.items() for s, n in by.items() if n} == dict(
        expected["tags"]
    )


def test_the_corrupted_corpora_break_every_rule():
    found = naive.judged(corrupted(1), scheme="IOB2", declared=TAGS, max_length=20, rules={})

    assert set(found["violations"]) == {*naive.SINGLE, "duplicate_id", "conflicting_labels"}
    assert found["n_duplicates"] > 0
    assert found["n_leaks"] > 0


@given(
    st.lists(
        st.lists(
            st.sampled_from(["O", *(f"{p}-{t}" for p in "BIES" for t in "XY"), "FOO", "B-", "I", "S"]),
            max_size=5,
        ),
        max_size=12,
    )
)
def test_legality_under_each_scheme_agrees_with_the_naive_checker(lists):
    tags = CodedLists.of(pa.array(lists, pa.list_(pa.string())))

    broken = TransitionCounter().add(tags, np.ones(len(lists), dtype=np.bool_))

    for scheme in ("IOB1", "IOB2", "IOBES", "IOE1", "IOE2"):
        expected = [not naive.is_legal(list_, scheme) for list_ in lists]
        assert ((broken & scheme_bit(scheme)) > 0).tolist() == expected
