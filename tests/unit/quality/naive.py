"""Naive reference checker: every rule as a slow loop over dicts, written from the documentation."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

Row = dict[str, Any]
SINGLE = (
    "broken_sequence",
    "length_mismatch",
    "missing_tag",
    "empty_token",
    "unknown_tag",
    "illegal_transition",
    "over_long",
)


def is_legal(tags: list[str], scheme: str) -> bool:
    """Check a tag sequence by the definition of its scheme."""
    letters = {"IOB1": "BI", "IOB2": "BI", "IOBES": "BIES", "IOE1": "IE", "IOE2": "IE"}[scheme]
    open_span = None  # IOBES, IOE: the type that must come next
    before = ("O", "")
    for tag in tags:
        letter, _, kind = tag.partition("-")
        if tag != "O" and (letter not in set(letters) or ("-" in tag and not kind)):  # a bare I has no type
            return False
        inside_same = before[0] != "O" and before[1] == kind
        if scheme == "IOB2" and letter == "I" and not inside_same:
            return False
        if scheme == "IOB1" and letter == "B" and not inside_same:
            return False
        if scheme == "IOBES":
            if (letter in "IE") != (open_span is not None) or (open_span is not None and kind != open_span):
                return False
            open_span = kind if letter in "BI" else None
        if scheme in ("IOE1", "IOE2"):
            if open_span is not None and (letter == "O" or kind != open_span):
                return False
            open_span = kind if letter == {"IOE1": "E", "IOE2": "I"}[scheme] else None
        before = (letter, kind)
    return open_span is None


def faults_of(row: Row, *, scheme: str, declared: list[str] | None, max_length: int) -> set[str]:
    """Return the rules that a sequence breaks on its own."""
    tokens, tags = row["tokens"], row["tags"]
    same_length = tags is not None and len(tags) == len(tokens)
    aligned = same_length and all(tags)
    broken = {
        "broken_sequence": row["defect"] is not None,
        "length_mismatch": not same_length,
        "missing_tag": not all(tags or []),
        "empty_token": not tokens or not all(tokens),
        "unknown_tag": declared is not None and any(t and t not in declared for t in tags or []),
        "illegal_transition": (
            scheme != "none" and aligned and row["defect"] is None and not is_legal(tags, scheme)
        ),
        "over_long": len(tokens) > max_length,
    }
    return {rule for rule, is_broken in broken.items() if is_broken}


def judged(
    rows: list[Row], *, scheme: str, declared: list[str] | None, max_length: int, rules: dict[str, str]
) -> dict[str, Any]:
    """Return violations per rule, reasons per refused row, and counts of the kept rows."""

    rules = {"conflicting_labels": "warn"} | rules

    def in_force(rule: str) -> bool:
        return rules.get(rule, "quarantine") != "off"

    def refuses(rule: str) -> bool:
        return rules.get(rule, "quarantine") in ("quarantine", "fail")

    violations: dict[str, list[int]] = defaultdict(list)
    sound = []
    for number, row in enumerate(rows):
        faults = faults_of(row, scheme=scheme, declared=declared, max_length=max_length)
        for rule in filter(in_force, faults):
            violations[rule].append(number)
        if not any(refuses(rule) for rule in filter(in_force, faults)):
            sound.append(number)

    named: dict[tuple, list[int]] = defaultdict(list)
    taggings: dict[tuple, set[tuple]] = defaultdict(set)
    for number in sound:
        row = rows[number]
        named[row["split"], row["sequence_id"]].append(number)
        if row["tags"] is not None and all(row["tags"]):
            taggings[tuple(row["tokens"])].add(tuple(row["tags"]))
    for same_id in named.values() if in_force("duplicate_id") else []:
        first, *later = same_id
        equal = all(
            (rows[n]["tokens"], rows[n]["tags"]) == (rows[first]["tokens"], rows[first]["tags"])
            for n in later
        )
        violations["duplicate_id"].extend(later if equal else same_id)
    for number in sound:
        row = rows[number]
        if (
            row["tags"] is not None
            and all(row["tags"])
            and len(taggings[tuple(row["tokens"])]) > 1
            and in_force("conflicting_labels")
        ):
            violations["conflicting_labels"].append(number)

    reasons: dict[int, set[str]] = defaultdict(set)
    for rule, numbers in violations.items():
        for number in numbers if refuses(rule) else []:
            reasons[number].add(rule)
    kept = [row for number, row in enumerate(rows) if number not in reasons]
    return {"violations": dict(violations), "reasons": dict(reasons), **numbers_of(kept)}


def numbers_of(kept: list[Row], *, min_length: int = 2) -> dict[str, Any]:
    """Return counts of the kept sequences."""
    splits = {}
    tags: Counter[tuple[str, str]] = Counter()
    first_seen: set[tuple] = set()
    n_duplicates = 0
    for row in kept:
        n_duplicates += tuple(row["tokens"]) in first_seen
        first_seen.add(tuple(row["tokens"]))
        tags.update((tag, row["split"]) for tag in row["tags"] or [] if tag)
    for split in ("train", "dev", "test"):
        mine = [row for row in kept if row["split"] == split]
        lengths = [len(row["tokens"]) for row in mine]
        splits[split] = {
            "n_sequences": len(mine),
            "n_tokens": sum(lengths),
            "n_types": len({token for row in mine for token in row["tokens"]}),
            "longest": max(lengths, default=0),
            "mean_length": round(sum(lengths) / len(mine), 2) if mine else 0.0,
            "unlabelled": sum(row["tags"] is None for row in mine),
            "untagged": sum(not tag for row in mine for tag in row["tags"] or []),
        }
    train = {tuple(row["tokens"]) for row in kept if row["split"] == "train"}
    n_leaks = sum(
        row["split"] != "train" and len(row["tokens"]) >= min_length and tuple(row["tokens"]) in train
        for row in kept
    )
    return {"splits": splits, "tags": tags, "n_duplicates": n_duplicates, "n_leaks": n_leaks}
