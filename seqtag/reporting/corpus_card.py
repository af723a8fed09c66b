"""What a corpus holds and what of it was refused, for the dashboard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from seqtag.corpus import assumptions, changes, warning_sentences
from seqtag.reporting.formatting import MISSING, count, percent, plural, sentence
from seqtag.reporting.markdown import inline, link_list, table

_MOST_TAGS = 30
_LONGEST = 80  # characters of a sequence
_SHOWN = ("row", "reasons", "sequence_id", "split", "tokens", "tags", "defect")
_SPLITS = ("split", "sequences", "unlabelled", "tokens", "distinct tokens", "tokens a sequence", "at most")


def corpus_markdown(profile: Mapping[str, Any], links: Mapping[str, str]) -> str:
    """Write splits, tags and what the contract found as GitHub-flavoured Markdown.

    Args:
        profile: `profile.json`.
        links: label -> URL or path.
    """
    quarantined, expectations = profile["quarantined"], profile["expectations"]
    parts = [
        f"# {'Accepted' if profile['accepted'] else 'Refused'}",
        f"{inline(sentence(profile['sentence']))}.",
        link_list(links),
        *_sources(profile),
        "## Splits",
        table(_SPLITS, _splits(profile)),
        f"{inline(sentence(profile['carving']['sentence']))}.",
        f"{inline(sentence(profile['untagged']))}." if profile.get("untagged") else "",
        f"Ambiguous: {inline(profile['ambiguity']['sentence'])}.",
        "## The contract",
        f"{count(expectations['failed'])} of {plural(expectations['evaluated'], 'expectation')} failed. "
        f"{quarantine_sentence(quarantined)}",
        table(["held", "rule", "severity", "findings", "sequences refused for it", ""], _rules(profile)),
        "## Tags",
        f"Scheme: {inline(profile['scheme']['reason'])}. Shares are of the split's tokens.",
        *_tags(profile),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def quarantine_sentence(quarantined: Mapping[str, Any]) -> str:
    """Say how much was quarantined, and of how much that may be.

    >>> quarantine_sentence({"n_sequences": 3, "share": 0.004, "budget": 0.01})
    '3 sequences quarantined: 0.4% of all; the budget is 1.0%, of which that is 40.0%.'
    """
    share, budget = quarantined["share"], quarantined["budget"]
    used = f", of which that is {percent(share / budget)}" if budget and share is not None else ""
    return (
        f"{plural(quarantined['n_sequences'], 'sequence')} quarantined: {percent(share)} of all; "
        f"the budget is {percent(budget)}{used}."
    )


def quarantine_rows(
    quarantine: Path, *, finding: Callable[[Mapping[str, Any]], str], most: int = 100
) -> list[dict[str, Any]]:
    """Return the first quarantined sequences as rows whose cells are Markdown.

    Args:
        quarantine: `quarantine.parquet`, of which no more is decoded than is shown.
        finding: says of one of its rows what is wrong with it, and where.
    """
    with pq.ParquetFile(quarantine) as file:
        first = next(file.iter_batches(most, columns=_SHOWN), None)
    if first is None:
        return []
    lengths = pc.list_value_length(first["tokens"]).to_pylist()
    return [_quarantined(first.slice(i, 1), n_tokens or 0, finding) for i, n_tokens in enumerate(lengths)]


def _quarantined(
    of_one: pa.RecordBatch, n_tokens: int, finding: Callable[[Mapping[str, Any]], str]
) -> dict[str, Any]:
    """Write one sequence, which may be long: no two of them are in memory as Python's objects."""
    row: dict[str, Any] = of_one.to_pylist()[0]
    text = " ".join(str(token) for token in (row["tokens"] or ())[:_LONGEST])
    return {
        "row": row["row"],
        "sequence": _cut(str(row["sequence_id"])),
        "refused by": inline(", ".join(row["reasons"])),
        "what is wrong": inline(finding(row)),
        "tokens": n_tokens,
        "begins": _cut(text),
    }


def _cut(text: str) -> str:
    return inline(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")


def _splits(profile: Mapping[str, Any]) -> list[list[str]]:
    return [
        [
            name,
            count(split["n_sequences"]),
            count(split["unlabelled"]),
            count(split["n_tokens"]),
            count(split["n_types"]),
            MISSING if split["mean_length"] is None else f"{split['mean_length']:.1f}",
            count(split["longest"]),
        ]
        for name, split in profile["splits"].items()
    ]


def _sources(profile: Mapping[str, Any]) -> list[str]:
    """Say how each source was read, and in bold what contradicts it; older profiles say nothing."""
    records = profile.get("sources", [])
    if not records:
        return []
    rows = [[r["name"], count(r["n_sequences"]), assumptions(r), ", ".join(changes(r))] for r in records]
    warnings = [f"- **Warning** {inline(text)}" for record in records for text in warning_sentences(record)]
    return [
        "## Sources",
        table(["source", "sequences", "read with", "changed"], rows),
        "\n".join(warnings),
    ]


def _rules(profile: Mapping[str, Any]) -> list[list[str]]:
    refused = profile["quarantined"]["by_rule"]
    return [
        [
            "yes" if rule["held"] else "NO",
            rule["rule"],
            rule["severity"],
            count(rule["count"]),
            count(refused.get(rule["rule"])),
            rule["message"],
        ]
        for rule in profile["rules"]
    ]


def _tags(profile: Mapping[str, Any]) -> list[str]:
    splits = {name: split["n_tokens"] for name, split in profile["splits"].items()}
    ordered = sorted(profile["tags"].items(), key=lambda pair: (-sum(pair[1].values()), pair[0]))
    rows = [
        [tag, *(_of(counts.get(split, 0), n_tokens) for split, n_tokens in splits.items())]
        for tag, counts in ordered[:_MOST_TAGS]
    ]
    more = len(ordered) - _MOST_TAGS
    return [table(["tag", *splits], rows), f"{more} rarer ones stand in the data docs." if more > 0 else ""]


def _of(n: int, n_tokens: int) -> str:
    return f"{count(n)} ({percent(n / n_tokens if n_tokens else None)})"
