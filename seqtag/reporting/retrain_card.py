"""Retrain card: outcome of a retraining and its reasons, as Markdown for the dashboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqtag.config import named_settings
from seqtag.corpus import CorpusChanges, Profile
from seqtag.evaluation import Interval, Metrics
from seqtag.formatting import (
    METRIC_NAMES,
    MISSING,
    count,
    level,
    percent,
    plural,
    points,
    points_range,
    sentence,
    shortened,
    with_range,
    without_verdict,
)
from seqtag.gate import Decision
from seqtag.gate.guardrails import Guardrail
from seqtag.reporting.corpus_card import quarantine_sentence
from seqtag.reporting.corpus_differences import corpus_differences_markdown
from seqtag.reporting.markdown import command, inline, link_list, table
from seqtag.reporting.sample_size_text import gauge_sentence
from seqtag.reporting.score_tables import evidence_rows, scores_by_name
from seqtag.reporting.sentences import compared_sequences, left_out

_MOST_TAGS = 30  # rows in the card; the report lists all
_LONGEST_SETTING = 60  # characters


@dataclass(frozen=True)
class InputChanges:
    """Differences between the inputs of a retraining and those of its champion.

    snapshots   of the champion's run and of this run
    inputs      step -> names of its changed inputs, packages and code; empty: unchanged
    settings    dotted name in the configuration -> the champion's value and this run's
    """

    champion_run: str
    snapshots: tuple[str, str]
    inputs: Mapping[str, Sequence[str]]
    settings: Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class CompletedStep:
    """A step of a run, and the run that did its work."""

    step: str
    seconds: float  # duration of the original work
    taken_from: str | None  # the run whose result was reused; None: done in this run


def changed_settings(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Return the settings that differ between two configurations: dotted name -> both values as JSON.

    >>> changed_settings({"seed": 1, "gate": {"floor": 0.8}}, {"seed": 2, "gate": {"floor": 0.8}})
    {'seed': ('1', '2')}
    """
    old, new = named_settings(before), named_settings(now)
    names = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    return {name: (_shown(old.get(name)), _shown(new.get(name))) for name in names}


def _shown(value: str | None) -> str:
    return "null" if value is None else shortened(value, _LONGEST_SETTING)


def retrain_markdown(
    *,
    metrics: Metrics,
    decision: Decision,
    profile: Profile,
    done: Sequence[CompletedStep],
    changes: InputChanges | None,
    corpus: CorpusChanges | None,
    links: Mapping[str, str],
    commands: Mapping[str, str],
    warnings: Sequence[str] = (),
    unchanged: str | None = None,
) -> str:
    """Return the outcome of a retraining and its reasons as GitHub-flavoured Markdown.

    Args:
        decision: the decision with the outcome.
        done: the steps in order, with the origin of reused ones.
        changes: differences from the champion's inputs; None if there is no champion or its run directory
            no longer exists.
        corpus: differences from the champion's corpus; None as for `changes`.
        links: label -> URL or path.
        commands: purpose -> command.
        warnings: sentences that a reader needs to judge the verdict.
        unchanged: the sentence on a run in which no step has run again, in place of the decision's.
    """
    parts = [
        f"# {inline(decision.verdict) if unchanged is None else 'Unchanged'}",
        inline(
            without_verdict(
                unchanged or decision.sentence, decision.verdict if unchanged is None else "Unchanged"
            )
        ),
        *_warnings(warnings),
        *_scores(metrics, decision),
        *_decided_by(decision),
        *_would_pass(decision),
        "Links:",
        link_list(links),
        *_by_name(metrics, decision),
        "## What changed",
        *_changed(changes, has_champion=decision.champion_version is not None),
        *([] if corpus is None else corpus_differences_markdown(corpus)),
        *_steps(done),
        "## Corpus",
        f"{inline(sentence(profile.sentence))}.",
        *_validation(profile),
        "## Rules of the gate",
        table(
            ["passed", "rule", "detail"],
            [["yes" if r.passed else "NO", r.rule, r.detail] for r in decision.rules],
        ),
        "## Next steps",
        "\n\n".join(f"{inline(purpose)}:\n\n{command(text)}" for purpose, text in commands.items()),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def approval_markdown(
    metrics: Metrics, decision: Decision, *, tagger: str, warnings: Sequence[str] = ()
) -> str:
    """Return the approval question and the evidence for it as GitHub-flavoured Markdown."""
    evidence = without_verdict(decision.sentence, decision.verdict)
    parts = [
        f"**Promote this model of {inline(tagger)}?** {inline(evidence)}",
        *_warnings(warnings),
        *_scores(metrics, decision),
        *_by_name(metrics, decision),
        "See the artifacts of this flow run for all scores, confusions and the corpus.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _warnings(warnings: Sequence[str]) -> list[str]:
    return [f"**Warning:** {inline(warning)}" for warning in warnings]


def _scores(metrics: Metrics, decision: Decision) -> list[str]:
    confidence = level(metrics.confidence)
    header = ["", METRIC_NAMES[metrics.metric], f"{confidence} interval", "support"]
    return [
        table(header, evidence_rows(metrics, decision)),
        compared_sequences(metrics, decision),
        f"{confidence} bootstrap intervals from {plural(metrics.resamples, 'resample')} of "
        f"{plural(metrics.n_documents, 'test document')} "
        f"({plural(metrics.n_sequences, 'sequence')}, {plural(metrics.n_tokens, 'token')}"
        f"{left_out(metrics.n_untagged)})"
        + (
            f"; the interval of the difference is paired, at {level(decision.confidence)} confidence."
            if decision.difference
            else "."
        ),
        gauge_sentence(decision.gauge),
    ]


def _decided_by(decision: Decision) -> list[str]:
    """Name the failed rules, which decided."""
    failed = [rule for rule in decision.rules if not rule.passed]
    if not failed:
        return [f"Decided by: all {plural(len(decision.rules), 'rule')} passed."]
    return [
        "Decided by:",
        "\n".join(f"- {inline(rule.rule)}: {inline(rule.detail)}" for rule in failed),
    ]


def _by_name(metrics: Metrics, decision: Decision) -> list[str]:
    """Return a table by type, or by tag if there are no spans, and one of slices with guardrails."""
    champion = metrics.champion
    word, figure, unit = ("type", "F1", "spans") if metrics.challenger.spans else ("tag", "recall", "tokens")
    ordered = scores_by_name(metrics.challenger, champion)
    names = {f"{word} {named.name}" for named in ordered}
    guards = {guard.what: guard for guard in reversed(decision.guards)}  # types come before slices
    header = ["", f"gold {unit}", "F1", *(["champion's F1", f"difference of {figure}"] if champion else [])]
    rows = [
        [named.name, _support(named.scores.f1), with_range(named.scores.f1)]
        + ([with_range(named.champion), _guarded(guards.get(f"{word} {named.name}"))] if champion else [])
        for named in ordered[:_MOST_TAGS]
    ]
    more = len(ordered) - _MOST_TAGS
    slices = [guard for what, guard in guards.items() if what not in names][::-1]
    return [
        f"## By {word}",
        table(header, rows),
        f"The report lists {more} rarer ones." if more > 0 else "",
        *_guarded_slices(slices, METRIC_NAMES[metrics.metric]),
        *_guardrail_note(decision),
    ]


def _guarded(guard: Guardrail | None) -> str:
    return MISSING if guard is None else f"{points(guard.difference)} ({points_range(guard)})"


def _guarded_slices(slices: Sequence[Guardrail], metric: str) -> list[str]:
    rows = [[of.what, _support(of), _guarded(of)] for of in slices[:_MOST_TAGS]]
    more = len(slices) - _MOST_TAGS
    further = [f"decision.json lists {more} further slices."] if more > 0 else []
    return [table(["slice", "sequences", f"difference of {metric}"], rows), *further] if rows else []


def _guardrail_note(decision: Decision) -> list[str]:
    n_guards = len(decision.guards)
    if not n_guards:
        return []
    return [
        f"Differences from the champion are given where the gate has a guardrail, on the "
        f"{plural(decision.n_sequences, 'sequence')} on which both models can be compared. Their paired "
        f"intervals are at {percent(1 - (1 - decision.confidence) / n_guards)} confidence, because of "
        f"{plural(n_guards, 'guardrail')} (Bonferroni)."
    ]


def _changed(changes: InputChanges | None, *, has_champion: bool) -> list[str]:
    if changes is None:
        return [
            "The champion's run directory no longer exists."
            if has_champion
            else "There is no champion to compare with."
        ]
    before, now = changes.snapshots
    snapshot = f"the same snapshot {now}" if before == now else f"snapshot {now} instead of {before}"
    inputs = [[step, ", ".join(names)] for step, names in changes.inputs.items() if names]
    settings = [[name, was, now] for name, (was, now) in changes.settings.items()]
    return [
        f"Compared with the champion's run {inline(changes.champion_run)}: {inline(snapshot)}; "
        f"{plural(len(settings), 'changed setting') if settings else 'no changed settings'}.",
        table(["setting", "champion's", "now"], settings) if settings else "",
        table(["step", "changed inputs"], inputs) if inputs else "No other inputs changed.",
    ]


def _steps(done: Sequence[CompletedStep]) -> list[str]:
    """Return a table of the steps, with the origin of reused ones."""
    rows = [
        [
            of.step,
            f"reused from {of.taken_from}" if of.taken_from else "ran",
            f"{of.seconds:,.1f} s{' originally' if of.taken_from else ''}",
        ]
        for of in done
    ]
    why = "A step is reused if its inputs, code and packages match those of an earlier run."
    taken = any(of.taken_from for of in done)
    return [table(["step", "origin", "duration"], rows), *([why] if taken else [])] if rows else []


def _validation(profile: Profile) -> list[str]:
    """Return the rules that failed or found violations, and the quarantine."""
    found = [
        ["yes" if rule.passed else "NO", rule.rule, rule.severity, count(rule.count), rule.message]
        for rule in profile.rules
        if rule.count or not rule.passed  # tag_drift, for example, has no violations to count
    ]
    header = ["passed", "rule", "severity", "violations", "expected and found"]
    return [
        table(header, found) if found else "No rule found a violation.",
        quarantine_sentence(profile.quarantined),
    ]


def _support(of: Interval | Guardrail, unit: str = "") -> str:
    """Format the support of a figure."""
    support = plural(of.support, unit) if unit else count(of.support)
    return f"{support} in {plural(of.documents, 'document')}"


def _would_pass(decision: Decision) -> list[str]:
    """Return the changes that would have led to a promotion, all of them together."""
    changes = [f"- {inline(change)}" for change in decision.would_pass]
    return ["It would be promoted with all of the following:", "\n".join(changes)] if changes else []
