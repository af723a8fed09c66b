"""What became of a retraining, in words: for the dashboard, the terminal and `seqtag show`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from seqtag.artifacts import find_manifest, read_json
from seqtag.run_dir import RunDir
from seqtag.steps.context import Workspace

_TITLES = {"PROMOTE": "Promoted", "HOLD": "Held", "REJECT": "Rejected"}


@dataclass(frozen=True)
class RunOutcome:
    """The decision: `title` names the state on the dashboard, `sentence` holds the numbers.

    is_new   False where an earlier night came to the same
    """

    title: str
    sentence: str
    is_new: bool = True


def outcome_digest(run: RunDir, workspace: Workspace) -> str | None:
    """Return the digest of what a run came to, None if it came to nothing yet, or that is not in force."""
    manifest = find_manifest(run.output("report"))
    if manifest is None or not all(map(find_manifest, (run.output("decide"), run.output("promote")))):
        return None
    if final_decision(run)["verdict"] == "PROMOTE":
        champion = workspace.registry().champion(run.tagger)
        if champion is None or champion.seqtag_run_id != run.id:
            return None
    return manifest.digest


def final_decision(run: RunDir) -> dict[str, Any]:
    """Return the decision with what it came to, which is a HOLD where something forbade the promotion."""
    decision, promotion = read_json(run.decision), read_json(run.promotion)
    return {**decision, **promotion, "rules": [*decision["rules"], *promotion["rules"]]}


def run_outcome(run: RunDir, *, earlier: str | None = None, now: str | None = None) -> RunOutcome:
    """Return what was decided; if an earlier night came to the same conclusion, that there is nothing new."""
    decision = final_decision(run)
    if earlier is not None and earlier == now:
        return RunOutcome("Skipped", f"Nothing new since {run.as_of}. {decision['sentence']}", is_new=False)
    return RunOutcome(_TITLES[decision["verdict"]], decision["sentence"])


def outcome_text(run: RunDir, *, dashboard: str | None = None) -> str:
    """Return the result and where to look, for a terminal."""
    from seqtag.reporting import summary_lines

    version = read_json(run.registration)["version"]
    links = {
        "Report": str(run.report),
        "Data docs": str(run.data_docs),
        "Registry": f"{run.tagger} version {version} (look at it with: make registry)",
    }
    if dashboard is not None:
        links["Dashboard"] = f"{dashboard} (stop it with: make down)"
    return summary_lines(
        metrics=read_json(run.metrics),
        decision=final_decision(run),
        optimum=read_json(run.optimum) if run.optimum.exists() else None,
        links=links,
    )
