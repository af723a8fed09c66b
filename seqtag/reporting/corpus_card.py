"""Corpus card: contents and validation of a corpus as Markdown for the dashboard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from seqtag.config import SPLITS
from seqtag.corpus import Profile, assumptions, changes, warning_sentences
from seqtag.corpus.corpus_profile import QuarantineSize
from seqtag.formatting import count, percent, plural, sentence, shortened
from seqtag.reporting.markdown import inline, link_list, table

_MOST_TAGS = 30
_LONGEST = 80  # characters of a sequence
_SHOWN = ("row", "reasons", "sequence_id", "split", "tokens", "tags", "defect")
_SPLITS = (
    "split", "sequences", "unlabelled", "tokens", "word types", "mean length, tokens", "longest, tokens"
)  # fmt: skip


_COLUMNS = ("column", "kind", "split", "tokens", "without a value", "values")
_RULES = ("passed", "rule", "severity", "violations", "sequences refused", "expected and found")


def corpus_markdown(profile: Profile, links: Mapping[str, str]) -> str:
    """Return sources, splits, validation rules and tags as GitHub-flavoured Markdown.

    Args:
        links: label -> URL or path.
    """
    expectations = profile.expectations
    parts = [
        f"# {'Accepted' if profile.accepted else 'Refused'}",
        f"{inline(sentence(profile.sentence))}.",
        link_list(links),
        *_sources(profile),
        "## Splits",
        table(_SPLITS, _splits(profile)),
        f"{inline(sentence(profile.split_origins.sentence))}.",
        f"{inline(sentence(profile.untagged))}." if profile.untagged else "",
        f"Ambiguous: {inline(profile.ambiguity.sentence)}.",
        *(["## Columns of tokens", table(_COLUMNS, _columns(profile))] if profile.columns else []),
        "## Validation",
        f"{count(expectations.failed)} of {plural(expectations.evaluated, 'expectation')} failed. "
        f"{quarantine_sentence(profile.quarantined)}",
        table(_RULES, _rules(profile)),
        "## Tags",
        f"{inline(sentence(profile.scheme.sentence))}. Tokens per tag, with shares of the split's tokens:",
        *_tags(profile),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def quarantine_sentence(quarantined: QuarantineSize) -> str:
    """Describe the quarantined sequences and their share of the budget.

    >>> quarantine_sentence(QuarantineSize(n_sequences=3, share=0.004, budget=0.01, by_rule={"over_long": 3}))
    '3 sequences quarantined: 0.4% of all sequences, which is 40.0% of the budget (1.0%).'
    """
    share, budget = quarantined.share, quarantined.budget
    found = f"{plural(quarantined.n_sequences, 'sequence')} quarantined: {percent(share)} of all sequences"
    if budget:
        return f"{found}, which is {percent(share / budget)} of the budget ({percent(budget)})."
    return f"{found}; the budget is {percent(budget)}."


def quarantine_rows(
    quarantine: Path, *, finding: Callable[[Mapping[str, Any]], str], most: int = 100
) -> list[dict[str, Any]]:
    """Return the first quarantined sequences as rows of a table.

    Args:
        quarantine: `quarantine.parquet`; only the shown rows are decoded.
        finding: describes the defects of one row.
    """
    with pq.ParquetFile(quarantine, pre_buffer=False) as file:
        first = next(file.iter_batches(most, columns=_SHOWN), None)
    if first is None:
        return []
    lengths = pc.list_value_length(first["tokens"]).to_pylist()
    return [_quarantined(first.slice(i, 1), n_tokens or 0, finding) for i, n_tokens in enumerate(lengths)]


def _quarantined(
    of_one: pa.RecordBatch, n_tokens: int, finding: Callable[[Mapping[str, Any]], str]
) -> dict[str, Any]:
    """Return the cells of one sequence; decoded one by one, because sequences may be long."""
    row: dict[str, Any] = of_one.to_pylist()[0]
    text = " ".join(str(token) for token in (row["tokens"] or ())[:_LONGEST])
    return {
        "row": row["row"],
        "sequence": shortened(str(row["sequence_id"]), _LONGEST),
        "refused by": ", ".join(row["reasons"]),
        "what is wrong": finding(row),
        "tokens": n_tokens,
        "begins": shortened(text, _LONGEST),
    }


def _splits(profile: Profile) -> list[list[str]]:
    return [
        [
            name,
            count(split.n_sequences),
            count(split.unlabelled),
            count(split.n_tokens),
            count(split.n_types),
            f"{split.mean_length:.1f}",
            count(split.longest),
        ]
        for name, split in profile.splits.items()
    ]


def _columns(profile: Profile) -> list[list[str]]:
    return [
        [
            column.name,
            column.kind,
            split,
            count(column.splits[split].n_tokens),
            _of(column.splits[split].n_missing, column.splits[split].n_tokens),
            column.values_sentence(split),
        ]
        for column in profile.columns
        for split in SPLITS
    ]


def _sources(profile: Profile) -> list[str]:
    """Return the assumptions about each source, and warnings in bold; older profiles have none."""
    records = profile.sources
    if not records:
        return []
    rows = [[r.name, count(r.n_sequences), assumptions(r), ", ".join(changes(r))] for r in records]
    warnings = [f"- **Warning** {inline(text)}" for record in records for text in warning_sentences(record)]
    return [
        "## Sources",
        table(["source", "sequences", "assumptions", "changed"], rows),
        "\n".join(warnings),
    ]


def _rules(profile: Profile) -> list[list[str]]:
    refused = profile.quarantined.by_rule
    return [
        [
            "yes" if rule.passed else "NO",
            rule.rule,
            rule.severity,
            count(rule.count),
            count(refused.get(rule.rule)),
            rule.message,
        ]
        for rule in profile.rules
    ]


def _tags(profile: Profile) -> list[str]:
    splits = {name: split.n_tokens for name, split in profile.splits.items()}
    ordered = sorted(profile.tags.items(), key=lambda pair: (-sum(pair[1].values()), pair[0]))
    rows = [
        [tag, *(_of(counts.get(split, 0), n_tokens) for split, n_tokens in splits.items())]
        for tag, counts in ordered[:_MOST_TAGS]
    ]
    more = len(ordered) - _MOST_TAGS
    return [table(["tag", *splits], rows), f"The data docs list {more} rarer ones." if more > 0 else ""]


def _of(n: int, n_tokens: int) -> str:
    return f"{count(n)} ({percent(n / n_tokens if n_tokens else None)})"
