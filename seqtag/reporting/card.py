"""The retrain card: one page of Markdown on what became of a retraining and why, for the dashboard."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqtag.reporting.markdown import command, inline, link_list, table
from seqtag.reporting.tables import leaves
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

_MOST_TAGS = 30  # rows in the card; the report has them all
_LONGEST_SETTING = 60  # characters


@dataclass(frozen=True)
class Changes:
    """What a retraining was made from, held against that of the champion which it was judged by.

    steps       verb -> names of its inputs that are others; none: its result was taken over
    settings    dotted name in the configuration -> the champion's value, and this run's
    """

    champion_run: str
    steps: Mapping[str, Sequence[str]]
    settings: Mapping[str, tuple[str, str]]


def changed_settings(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Return the settings that two configurations differ in, by their dotted names, as JSON.

    >>> changed_settings({"seed": 1, "gate": {"floor": 0.8}}, {"seed": 2, "gate": {"floor": 0.8}})
    {'seed': ('1', '2')}
    """
    old, new = dict(leaves(before)), dict(leaves(now))
    names = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    return {name: (_as_json(old.get(name)), _as_json(new.get(name))) for name in names}


def _as_json(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_SETTING else text[:_LONGEST_SETTING] + "…"


def retrain_markdown(
    *,
    metrics: Mapping[str, Any],
    decision: Mapping[str, Any],
    profile: Mapping[str, Any],
    changes: Changes | None,
    links: Mapping[str, str],
    commands: Mapping[str, str],
) -> str:
    """Write what became of a retraining, and why, as GitHub-flavoured Markdown.

    Args:
        metrics: `metrics.json`.
        decision: `decision.json` with what it came to.
        profile: `profile.json`.
        changes: what is other than the champion's; None where there is no champion, or its run directory is
            gone.
        links: label -> URL or path.
        commands: what a person may want to do -> the command that does it.
    """
    challenger, champion = metrics["challenger"], metrics["champion"]
    parts = [
        f"# {inline(decision['verdict'])}",
        inline(without_verdict(decision)),
        *_decided_by(decision),
        *_would_pass(decision),
        "Look at:",
        link_list(links),
        *_scores(metrics, decision),
        *_differences(decision),
        *_changed(changes),
        "## Corpus",
        f"{inline(sentence(profile['sentence']))}.",
        *_contract(profile),
        f"## By {'type' if challenger['spans'] else 'tag'}",
        *_by_tag(challenger, champion),
        "## Rules of the gate",
        table(
            ["held", "rule", "detail"],
            [["yes" if r["held"] else "NO", r["rule"], r["detail"]] for r in decision["rules"]],
        ),
        "## What you can do",
        "\n\n".join(f"{inline(purpose)}:\n\n{command(text)}" for purpose, text in commands.items()),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def question_markdown(metrics: Mapping[str, Any], decision: Mapping[str, Any], *, tagger: str) -> str:
    """Write what a person is asked, and what it is decided on, as GitHub-flavoured Markdown.

    Args:
        metrics: `metrics.json`.
        decision: `decision.json`.
    """
    parts = [
        f"**May this model of {inline(tagger)} serve?** {inline(without_verdict(decision))}",
        *_scores(metrics, decision),
        *_differences(decision),
        "The artifacts of this flow run show scores, curves and the corpus.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _scores(metrics: Mapping[str, Any], decision: Mapping[str, Any]) -> list[str]:
    return [
        table(["", METRIC_NAMES[metrics["metric"]], "interval", "support"], _score_rows(metrics, decision)),
        f"{level(metrics['confidence'])} intervals from "
        f"{plural(metrics['resamples'], 'resample')} of {plural(metrics['n_sequences'], 'test sequence')} "
        f"({plural(metrics['n_tokens'], 'token')}).",
    ]


def _decided_by(decision: Mapping[str, Any]) -> list[str]:
    """Name the rules that were not held, which are those that decided."""
    broken = [rule for rule in decision["rules"] if not rule["held"]]
    if not broken:
        return [f"Decided by: all of {plural(len(decision['rules']), 'rule')} were held."]
    return [
        "Decided by:",
        "\n".join(f"- {inline(rule['rule'])}: {inline(rule['detail'])}" for rule in broken),
    ]


def _differences(decision: Mapping[str, Any]) -> list[str]:
    """One table of the difference to the champion per type, tag and slice that is guarded."""
    guards = decision["guards"]
    if not guards:
        return []
    rows = [
        [guard["what"], points(guard["difference"]), points_range(guard), count(guard["support"])]
        for guard in guards[:_MOST_TAGS]
    ]
    more = len(guards) - _MOST_TAGS
    return [
        "## Difference to the champion",
        table(["", "difference", "interval", "support"], rows),
        f"{more} further ones stand in the report." if more > 0 else "",
        "F1 of types and tags, the deciding score of slices. Support is a type's gold spans, a tag's gold "
        "tokens, a slice's sequences. The intervals are as wide as their number asks for (Bonferroni).",
    ]


def _changed(changes: Changes | None) -> list[str]:
    if changes is None:
        return []
    steps = [
        [verb, "done anew" if because else "taken over", ", ".join(because) or "nothing it reads has changed"]
        for verb, because in changes.steps.items()
    ]
    settings = [[name, before, now] for name, (before, now) in changes.settings.items()]
    return [
        "## What changed",
        f"Against the champion's run {inline(changes.champion_run)}:",
        table(["step", "", "because of"], steps),
        table(["setting", "champion's", "now"], settings) if settings else "No setting is another.",
    ]


def _contract(profile: Mapping[str, Any]) -> list[str]:
    """What failed the contract, in the words of the rules."""
    found = [
        [rule["rule"], rule["severity"], count(rule["count"]), rule["message"]]
        for rule in profile["rules"]
        if rule["count"]
    ]
    quarantined = profile["quarantined"]
    return [
        table(["rule", "severity", "findings", ""], found) if found else "Nothing failed the contract.",
        f"{plural(quarantined['n_sequences'], 'sequence')} quarantined "
        f"({percent(quarantined['share'])}, budget {percent(quarantined['budget'])}).",
    ]


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
    changes = [f"- {inline(change)}" for change in decision["would_pass"]]
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
    return [table(header, rows), f"{more} rarer ones stand in the report." if more > 0 else ""]
