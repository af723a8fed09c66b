"""The outcome of a retraining, for the dashboard, the terminal and `seqtag show`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from seqtag.artifacts import find_manifest
from seqtag.corpus import BestPossible, CorpusChanges
from seqtag.errors import RunDirError
from seqtag.evaluation import Metrics, TrainingHistory
from seqtag.formatting import without_verdict
from seqtag.gate import Decision
from seqtag.registry import version_status
from seqtag.reporting import still_served, summary_lines, verdict_warnings
from seqtag.run_dir import RunDir
from seqtag.steps.context import Workspace, read_config
from seqtag.steps.promote import PromotionOutcome
from seqtag.steps.register import RegisteredVersion
from seqtag.steps.run_inputs import PinnedOpponent

_TITLES = {"PROMOTE": "Promoted", "HOLD": "Held", "REJECT": "Rejected"}


@dataclass(frozen=True)
class RunOutcome:
    """The final decision: `title` names the state on the dashboard, `sentence` has the numbers.

    is_new: False if no step has run again
    """

    title: str
    sentence: str
    is_new: bool = True


def outcome_digest(run: RunDir, workspace: Workspace) -> str | None:
    """Return the digest of the outcome of a run, None without one or if its champion was replaced."""
    manifest = find_manifest(run.output("report"))
    if manifest is None or not all(map(find_manifest, (run.output("decide"), run.output("promote")))):
        return None
    if final_decision(run).verdict == "PROMOTE":
        champion = workspace.registry().champion(run.tagger)
        if champion is None or champion.seqtag_run_id != run.id:
            return None
    return manifest.digest


def final_decision(run: RunDir) -> Decision:
    """Return the decision and its outcome in the registry, a HOLD if something forbade the promotion."""
    decision, promotion = Decision.load(run.decision), PromotionOutcome.load(run.promotion)
    return replace(
        decision,
        verdict=promotion.verdict,
        sentence=promotion.sentence,
        rules=[*decision.rules, *promotion.rules],
    )


def run_outcome(run: RunDir, workspace: Workspace, *, earlier: str | None = None) -> RunOutcome:
    """Return the outcome of a run, "Skipped" if nothing in it has changed.

    Args:
        earlier: the run's `outcome_digest` before its steps were run; None if it had none.
    """
    decision = final_decision(run)
    if earlier is not None and earlier == outcome_digest(run, workspace):
        grounds = without_verdict(decision.sentence, decision.verdict)
        return RunOutcome("Skipped", f"Unchanged: {status_text(run, workspace)} {grounds}", is_new=False)
    return RunOutcome(_TITLES[decision.verdict], f"{decision.sentence} {servers_note(run)}".rstrip())


def status_text(run: RunDir, workspace: Workspace) -> str:
    """Return the status of a run's version in the ledger as a sentence, such as when it was promoted."""
    version = RegisteredVersion.load(run.registration).version
    status = version_status(workspace.registry().history(run.tagger), version)
    return f"version {version} {'is not in the ledger' if status is None else f'was {status.text}'}."


def run_warnings(run: RunDir, decision: Decision) -> list[str]:
    """Return the sentences that a reader needs to judge the verdict of a run."""
    from seqtag.monitoring import model_age

    config, champion, age = read_config(run), PinnedOpponent.load(run.opponent).champion, None
    if champion is not None:
        begun, today = (date.fromisoformat(day) for day in (champion.run_id[:10], run.as_of))
        age = model_age(begun, as_of=today, max_days=config.monitor.max_model_age_days)
    return verdict_warnings(
        decision,
        TrainingHistory.load(run.history),
        max_epochs=config.train.max_epochs,
        champion_age=None if age is None else age.sentence,
        changes=CorpusChanges.load(run.corpus_changes) if run.corpus_changes.exists() else None,
    )


def servers_note(run: RunDir) -> str:
    """Return the sentence on running servers if the run has replaced a champion, else ""."""
    decision = final_decision(run)
    if decision.verdict != "PROMOTE" or decision.champion_version is None:
        return ""
    return f"{still_served(run.tagger, decision.champion_version)}."


def outcome_text(run: RunDir, headline: str | None = None, *, dashboard: str | None = None) -> str:
    """Return the result and links to its pages, for a terminal.

    Args:
        headline: the outcome as a sentence; None for that of a run that has just ended.
    """
    decision = final_decision(run)
    if headline is None:
        grounds = without_verdict(decision.sentence, decision.verdict)
        headline = f"{decision.verdict}: {grounds} {servers_note(run)}".rstrip()
    version = RegisteredVersion.load(run.registration).version
    links = {
        "Report": str(run.report),
        "Data docs": str(run.data_docs),
        "Registry": f"{run.tagger} version {version} (look at it with: make registry)",
    }
    if dashboard is not None:
        links["Dashboard"] = f"{dashboard} (stop it with: make down)"
    try:
        warnings = run_warnings(run, decision)
    except RunDirError:  # of another version, whose other records are still shown
        warnings = []
    return summary_lines(
        headline,
        metrics=Metrics.load(run.metrics),
        decision=decision,
        optimum=BestPossible.load(run.optimum) if run.optimum.exists() else None,
        links=links,
        warnings=warnings,
    )
