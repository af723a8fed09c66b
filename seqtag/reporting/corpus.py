"""What a corpus holds and what of it was refused, for the dashboard."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from seqtag.reporting.markdown import inline, link_list, printable, table
from seqtag.reporting.wording import count, percent, plural, sentence

_MOST_TAGS = 30
_LONGEST = 80  # characters of a sequence


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
        "## Splits",
        table(["split", "sequences", "tokens", "types", "tokens a sequence", "longest"], _splits(profile)),
        "## The contract",
        f"{count(expectations['failed'])} of {plural(expectations['evaluated'], 'expectation')} failed. "
        f"{plural(quarantined['n_sequences'], 'sequence')} quarantined "
        f"({percent(quarantined['share'])}, budget {percent(quarantined['budget'])}).",
        table(["held", "rule", "severity", "findings", ""], _rules(profile)),
        "## Tags",
        f"Scheme: {inline(profile['scheme']['reason'])}. Shares are of the split's tokens.",
        *_tags(profile),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def quarantine_rows(quarantine: Path, *, most: int = 100) -> list[dict[str, Any]]:
    """Return the first quarantined sequences with the rules that refused them.

    Args:
        quarantine: `quarantine.parquet`, of which no more is read than is shown.
    """
    wanted = ["row", "sequence_id", "reasons", "defect", "tokens"]
    with pq.ParquetFile(quarantine) as file:
        first = next(file.iter_batches(most, columns=wanted), None)
    return [] if first is None else [_quarantined(row) for row in first.to_pylist()]


def _quarantined(row: Mapping[str, Any]) -> dict[str, Any]:
    tokens = row["tokens"] or []
    text = printable(" ".join(str(token) for token in tokens[:_LONGEST]))
    return {
        "row": row["row"],
        "sequence": printable(str(row["sequence_id"])),
        "refused by": ", ".join(row["reasons"]),
        "defect": printable(row["defect"] or ""),
        "tokens": len(tokens),
        "begins": text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…",
    }


def _splits(profile: Mapping[str, Any]) -> list[list[str]]:
    return [
        [
            name,
            count(split["n_sequences"]),
            count(split["n_tokens"]),
            count(split["n_types"]),
            f"{split['mean_length'] or 0:.1f}",
            count(split["longest"]),
        ]
        for name, split in profile["splits"].items()
    ]


def _rules(profile: Mapping[str, Any]) -> list[list[str]]:
    return [
        [
            "yes" if rule["held"] else "NO",
            rule["rule"],
            rule["severity"],
            count(rule["count"]),
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
