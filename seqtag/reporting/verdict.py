"""The verdict in few words: Markdown for the Prefect dashboard, plain lines for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqtag.reporting.markdown import inline as _inline
from seqtag.reporting.markdown import printable as _printable
from seqtag.reporting.markdown import table as _table
from seqtag.reporting.wording import (
    METRIC_NAMES,
    baseline_label,
    count,
    level,
    percent,
    percent_range,
    plural,
    points,
    points_range,
    sentence,
    without_verdict,
)

_MOST_TAGS = 30  # rows in the artifact; the report has them all


def verdict_markdown(
    *,
    metrics: Mapping[str, Any],
    decision: Mapping[str, Any],
    profile: Mapping[str, Any],
    links: Mapping[str, str],
) -> str:
    """Write the decision, the scores and the state of the corpus as GitHub-flavoured Markdown.

    Args:
        metrics: `metrics.json`.
        decision: `decision.json`.
        profile: `profile.json`.
        links: label -> URL or path.
    """
    verdict = str(decision["verdict"])
    challenger, champion = metrics["challenger"], metrics["champion"]
    parts = [
        f"# {_inline(verdict)}",
        _inline(without_verdict(decision)),
        _table(["", METRIC_NAMES[metrics["metric"]], "interval", "support"], _score_rows(metrics, decision)),
        f"{level(metrics['confidence'])} intervals from "
        f"{plural(metrics['resamples'], 'resample')} of {plural(metrics['n_sequences'], 'test sequence')} "
        f"({plural(metrics['n_tokens'], 'token')}).",
        "## Rules of the gate",
        _table(
            ["held", "rule", "detail"],
            [["yes" if r["held"] else "NO", r["rule"], r["detail"]] for r in decision["rules"]],
        ),
        *_would_pass(decision),
        f"## By {'type' if challenger['spans'] else 'tag'}",
        *_by_tag(challenger, champion),
        "## Corpus",
        f"{_inline(sentence(profile['sentence']))}.",
        _table(
            ["split", "sequences", "tokens"],
            [[name, count(s["n_sequences"]), count(s["n_tokens"])] for name, s in profile["splits"].items()],
        ),
        f"{plural(profile['quarantined']['n_sequences'], 'sequence')} quarantined "
        f"({percent(profile['quarantined']['share'])}, budget {percent(profile['quarantined']['budget'])}).",
        "\n".join(f"- {_inline(label)}: {_link(where)}" for label, where in links.items()),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def summary_lines(
    *,
    metrics: Mapping[str, Any],
    decision: Mapping[str, Any],
    optimum: Mapping[str, Any] | None,
    links: Mapping[str, str],
) -> str:
    """Write what a person at the terminal wants to know when the run is over.

    Args:
        metrics: `metrics.json`.
        decision: `decision.json`.
        optimum: what `seqtag.corpus.best_possible` found, or None for a corpus of unknown origin.
        links: label -> where to look.
    """
    scored = (
        f"{METRIC_NAMES[metrics['metric']]} on {plural(metrics['n_sequences'], 'test sequence')} "
        f"({plural(metrics['n_tokens'], 'token')})"
    )
    score = metrics["challenger"]["score"]
    rows = [("this model", percent(score["value"]), f"({percent_range(score)})")]
    if metrics["champion"]:
        served = metrics["champion"]["score"]
        rows.append(
            (f"champion, version {decision['champion_version']}", percent(served["value"]),
             f"({percent_range(served)})")
        )  # fmt: skip
    if metrics.get("baseline"):
        simple = metrics["baseline"]["score"]
        rows.append((baseline_label(metrics), percent(simple["value"]), f"({percent_range(simple)})"))
    if optimum is not None and metrics["metric"] == "accuracy":
        rows.insert(0, ("best possible from the past alone", percent(optimum["past_only_realised"]), ""))
        rows.append(("best possible from the whole sequence", percent(optimum["optimum_realised"]), ""))
    width = max(len(label) for label, _, _ in rows)
    lines = [
        f"{decision['verdict']}: {without_verdict(decision)}",
        "",
        scored,
        *(f"  {label:<{width}}  {value:>6}  {interval}".rstrip() for label, value, interval in rows),
        "",
        *(f"{label + ':':<{max(map(len, links)) + 1}} {where}" for label, where in links.items()),
    ]
    return "\n".join(_printable(line) for line in lines).rstrip() + "\n"


def _score_rows(metrics: Mapping[str, Any], decision: Mapping[str, Any]) -> list[list[str]]:
    rows = []
    for who, scores in (("challenger", metrics["challenger"]), ("champion", metrics["champion"])):
        if scores:
            version = f" (version {decision['champion_version']})" if who == "champion" else ""
            score = scores["score"]
            rows.append(
                [f"{who}{version}", percent(score["value"]), percent_range(score), count(score["support"])]
            )
    difference = decision["difference"]
    if difference:
        rows.append(
            [
                "difference",
                points(difference["value"]),
                points_range(difference),
                count(decision["n_sequences"]),
            ]
        )
    if metrics.get("baseline"):
        score = metrics["baseline"]["score"]
        rows.append(
            [
                baseline_label(metrics),
                percent(score["value"]),
                percent_range(score),
                count(score["support"]),
            ]
        )
    return rows


def _would_pass(decision: Mapping[str, Any]) -> list[str]:
    """Return what would have to be otherwise, all of it, for a promotion."""
    changes = [f"- {_inline(change)}" for change in decision["would_pass"]]
    return ["It would be promoted with all of this:", "\n".join(changes)] if changes else []


def _by_tag(challenger: Mapping[str, Any], champion: Mapping[str, Any] | None) -> list[str]:
    """One table of F1 per type, or per tag where there are no spans, the most frequent first."""

    def named(scores: Mapping[str, Any]) -> Mapping[str, Any]:
        found: Mapping[str, Any] = (
            scores["spans"]["conlleval"]["types"] if scores["spans"] else scores["tags"]
        )
        return found

    ordered = sorted(named(challenger).items(), key=lambda pair: (-pair[1]["support"], pair[0]))
    before = named(champion) if champion else {}
    rows = [
        [name, count(s["support"]), percent(s["f1"]["value"]), percent_range(s["f1"])]
        + ([percent(before[name]["f1"]["value"]) if name in before else ""] if champion else [])
        for name, s in ordered[:_MOST_TAGS]
    ]
    header = ["", "support", "F1", "interval", *(["champion's F1"] if champion else [])]
    more = len(ordered) - _MOST_TAGS
    return [_table(header, rows), f"{more} rarer ones stand in the report." if more > 0 else ""]


def _link(where: str) -> str:
    """Link to an address; a path, which a browser could not follow from the dashboard, is only shown."""
    where = _printable(where)
    if where.startswith(("http://", "https://")):
        return f"<{where.replace('<', '%3C').replace('>', '%3E').replace(' ', '%20')}>"
    return f"`{where.replace('`', '')}`"
