"""The retrain card: one page of Markdown on what became of a retraining and why, for the dashboard."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqtag.reporting.corpus_card import quarantine_sentence
from seqtag.reporting.formatting import (
    METRIC_NAMES,
    MISSING,
    baseline_label,
    champion_label,
    count,
    left_out,
    level,
    percent,
    percent_range,
    plural,
    points,
    points_range,
    sentence,
    with_range,
    without_verdict,
)
from seqtag.reporting.markdown import command, inline, link_list, table
from seqtag.reporting.sample_size_text import gauge_sentence
from seqtag.reporting.score_tables import leaves, named_scores, type_path

_MOST_TAGS = 30  # rows in the card; the report has them all
_LONGEST_SETTING = 60  # characters


@dataclass(frozen=True)
class InputChanges:
    """What a retraining was made from, held against that of the champion which it was judged by.

    snapshots   the champion's, and this run's
    inputs      step -> names of its inputs, packages and code that are others; none: it reads the same
    settings    dotted name in the configuration -> the champion's value, and this run's
    """

    champion_run: str
    snapshots: tuple[str, str]
    inputs: Mapping[str, Sequence[str]]
    settings: Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class CompletedStep:
    """A step of a run, and which run's work it is."""

    step: str
    seconds: float  # that the work took, when it was done
    taken_from: str | None  # the run whose result was taken over; None: the work is this run's


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
    done: Sequence[CompletedStep],
    changes: InputChanges | None,
    links: Mapping[str, str],
    commands: Mapping[str, str],
) -> str:
    """Write what became of a retraining, and why, as GitHub-flavoured Markdown.

    Args:
        metrics: `metrics.json`.
        decision: `decision.json` with what it came to.
        profile: `profile.json`.
        done: the steps in order, and which of them were taken over.
        changes: what is other than the champion's; None where there is no champion, or its run directory is
            gone.
        links: label -> URL or path.
        commands: what a person may want to do -> the command that does it.
    """
    parts = [
        f"# {inline(decision['verdict'])}",
        inline(without_verdict(decision)),
        *_decided_by(decision),
        *_would_pass(decision),
        "Look at:",
        link_list(links),
        *_scores(metrics, decision),
        *_by_name(metrics, decision),
        "## What changed",
        *_changed(changes, has_champion=decision["champion_version"] is not None),
        *_taken_over(done),
        "## Corpus",
        f"{inline(sentence(profile['sentence']))}.",
        *_contract(profile),
        "## Rules of the gate",
        table(
            ["held", "rule", "detail"],
            [["yes" if r["held"] else "NO", r["rule"], r["detail"]] for r in decision["rules"]],
        ),
        "## What you can do",
        "\n\n".join(f"{inline(purpose)}:\n\n{command(text)}" for purpose, text in commands.items()),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def approval_markdown(metrics: Mapping[str, Any], decision: Mapping[str, Any], *, tagger: str) -> str:
    """Write what a person is asked, and what it is decided on, as GitHub-flavoured Markdown.

    Args:
        metrics: `metrics.json`.
        decision: `decision.json`.
    """
    parts = [
        f"**May this model of {inline(tagger)} serve?** {inline(without_verdict(decision))}",
        *_scores(metrics, decision),
        *_by_name(metrics, decision),
        "The artifacts of this flow run show curves, confusions and the corpus.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _scores(metrics: Mapping[str, Any], decision: Mapping[str, Any]) -> list[str]:
    confidence = level(metrics["confidence"])
    header = ["", METRIC_NAMES[metrics["metric"]], f"{confidence} interval", "support"]
    return [
        table(header, _score_rows(metrics, decision)),
        f"{confidence} intervals from {plural(metrics['resamples'], 'resample')} of "
        f"{plural(metrics['n_documents'], 'test document')} "
        f"({plural(metrics['n_sequences'], 'sequence')}, {plural(metrics['n_tokens'], 'token')}"
        f"{left_out(metrics)})"
        + (
            f"; that of the difference is paired, of {level(decision['confidence'])}."
            if decision["difference"]
            else "."
        ),
        gauge_sentence(decision),
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


def _by_name(metrics: Mapping[str, Any], decision: Mapping[str, Any]) -> list[str]:
    """One table by type, or by tag where there are no spans, and one of guarded slices."""
    challenger, champion = metrics["challenger"], metrics["champion"]
    word, figure, unit = ("type", "F1", "spans") if challenger["spans"] else ("tag", "recall", "tokens")
    ordered = named_scores(challenger, champion, type_path(challenger))
    names = {f"{word} {named.name}" for named in ordered}
    guards = {guard["what"]: guard for guard in reversed(decision["guards"])}  # types stand before slices
    header = ["", f"gold {unit}", "F1", *(["champion's F1", f"difference of {figure}"] if champion else [])]
    rows = [
        [named.name, _support(named.scores["f1"]), with_range(named.scores["f1"])]
        + ([with_range(named.champion), _guarded(guards.get(f"{word} {named.name}"))] if champion else [])
        for named in ordered[:_MOST_TAGS]
    ]
    more = len(ordered) - _MOST_TAGS
    slices = [guard for what, guard in guards.items() if what not in names][::-1]
    return [
        f"## By {word}",
        table(header, rows),
        f"{more} rarer ones stand in the report." if more > 0 else "",
        *_guarded_slices(slices, METRIC_NAMES[metrics["metric"]]),
        *_about_guards(decision),
    ]


def _guarded(guard: Mapping[str, Any] | None) -> str:
    return MISSING if guard is None else f"{points(guard['difference'])} ({points_range(guard)})"


def _guarded_slices(slices: Sequence[Mapping[str, Any]], metric: str) -> list[str]:
    rows = [[of["what"], _support(of), _guarded(of)] for of in slices[:_MOST_TAGS]]
    more = len(slices) - _MOST_TAGS
    further = [f"{more} further slices stand in the decision."] if more > 0 else []
    return [table(["slice", "sequences", f"difference of {metric}"], rows), *further] if rows else []


def _about_guards(decision: Mapping[str, Any]) -> list[str]:
    n_guards = len(decision["guards"])
    if not n_guards:
        return []
    return [
        f"A difference to the champion stands where the gate guards it, on the "
        f"{plural(decision['n_sequences'], 'sequence')} on which both can be compared. Its paired interval "
        f"is of {percent(1 - (1 - decision['confidence']) / n_guards)}, since there are {n_guards} "
        "(Bonferroni)."
    ]


def _changed(changes: InputChanges | None, *, has_champion: bool) -> list[str]:
    if changes is None:
        return [
            "The champion's run directory is gone."
            if has_champion
            else "There is no champion to differ from."
        ]
    before, now = changes.snapshots
    snapshot = f"the same snapshot {now}" if before == now else f"snapshot {now} instead of {before}"
    inputs = [[verb, ", ".join(names)] for verb, names in changes.inputs.items() if names]
    settings = [[name, was, now] for name, (was, now) in changes.settings.items()]
    return [
        f"Against the champion's run {inline(changes.champion_run)}: {inline(snapshot)}; "
        f"{plural(len(settings), 'other setting') if settings else 'no other setting'}.",
        table(["setting", "champion's", "now"], settings) if settings else "",
        table(["step", "reads something else"], inputs) if inputs else "No step reads anything else.",
    ]


def _taken_over(done: Sequence[CompletedStep]) -> list[str]:
    """Say which steps were not done again, and why that is right."""
    rows = [
        [
            of.step,
            f"taken over from {of.taken_from}" if of.taken_from else "done",
            f"{of.seconds:,.1f} s{' then' if of.taken_from else ''}",
        ]
        for of in done
    ]
    why = "A step is taken over where its inputs, its code and the packages are those of an earlier run."
    taken = any(of.taken_from for of in done)
    return [table(["step", "", "took"], rows), *([why] if taken else [])] if rows else []


def _contract(profile: Mapping[str, Any]) -> list[str]:
    """What failed the contract, in the words of the rules."""
    found = [
        [
            "yes" if rule["held"] else "NO",
            rule["rule"],
            rule["severity"],
            count(rule["count"]),
            rule["message"],
        ]
        for rule in profile["rules"]
        if rule["count"] or not rule["held"]  # a drift, say, has no offenders to count
    ]
    header = ["held", "rule", "severity", "findings", ""]
    return [
        table(header, found) if found else "Nothing failed the contract.",
        quarantine_sentence(profile["quarantined"]),
    ]


def _score_rows(metrics: Mapping[str, Any], decision: Mapping[str, Any]) -> list[list[str]]:
    unit = "gold span" if metrics["metric"] == "span_f1" else "token"
    models = {
        "challenger": "challenger",
        "champion": champion_label(decision),
        "baseline": baseline_label(metrics),
    }
    rows = [
        [name, percent(score["value"]), percent_range(score), _support(score, unit)]
        for who, name in models.items()
        if metrics[who] and (score := metrics[who]["score"])
    ]
    difference = decision["difference"]
    if difference:
        support = _support(difference, "sequence")
        rows.insert(2, ["difference", points(difference["value"]), points_range(difference), support])
    return rows


def _support(interval: Mapping[str, Any], unit: str = "") -> str:
    """Write what a figure was counted on."""
    support = plural(interval["support"], unit) if unit else count(interval["support"])
    return f"{support} in {plural(interval['documents'], 'document')}"


def _would_pass(decision: Mapping[str, Any]) -> list[str]:
    """Return what would have to be otherwise, all of it, for a promotion."""
    changes = [f"- {inline(change)}" for change in decision["would_pass"]]
    return ["It would be promoted with all of this:", "\n".join(changes)] if changes else []
