"""The outcome of a retraining, for the dashboard, the terminal and `seqtag show`."""

from __future__ import annotations

from dataclasses import dataclass, replace

from seqtag.artifacts import find_manifest
from seqtag.corpus import BestPossible
from seqtag.evaluation import Metrics
from seqtag.gate import Decision
from seqtag.reporting import summary_lines
from seqtag.run_dir import RunDir
from seqtag.steps.context import Workspace
from seqtag.steps.promote import PromotionOutcome
from seqtag.steps.register import RegisteredVersion

_TITLES = {"PROMOTE": "Promoted", "HOLD": "Held", "REJECT": "Rejected"}


@dataclass(frozen=True)
class RunOutcome:
    """The final decision: `title` names the state on the dashboard, `sentence` has the numbers.

    is_new: False if an earlier run came to the same outcome
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


def run_outcome(run: RunDir, *, earlier: str | None = None, now: str | None = None) -> RunOutcome:
    """Return the outcome of a run, "Skipped" if it is the same as the `earlier` one."""
    decision = final_decision(run)
    if earlier is not None and earlier == now:
        return RunOutcome("Skipped", f"Nothing new since {run.as_of}. {decision.sentence}", is_new=False)
    return RunOutcome(_TITLES[decision.verdict], decision.sentence)


def outcome_text(run: RunDir, *, dashboard: str | None = None) -> str:
    """Return the result and links to its pages, for a terminal."""
    version = RegisteredVersion.load(run.registration).version
    links = {
        "Report": str(run.report),
        "Data docs": str(run.data_docs),
        "Registry": f"{run.tagger} version {version} (look at it with: make registry)",
    }
    if dashboard is not None:
        links["Dashboard"] = f"{dashboard} (stop it with: make down)"
    return summary_lines(
        metrics=Metrics.load(run.metrics),
        decision=final_decision(run),
        optimum=BestPossible.load(run.optimum) if run.optimum.exists() else None,
        links=links,
    )
