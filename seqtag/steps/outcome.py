"""What became of a retraining, in words: for the dashboard, the terminal and `seqtag show`."""

from __future__ import annotations

from dataclasses import dataclass

from seqtag.rundir import RunDir
from seqtag.sealing import (
    read_json,
)

_TITLES = {"PROMOTE": "Promoted", "HOLD": "Held", "REJECT": "Rejected"}


@dataclass(frozen=True)
class Verdict:
    """The decision: `title` names the state on the dashboard, `sentence` holds the numbers."""

    title: str
    sentence: str


def verdict(run: RunDir) -> Verdict:
    """Return what was decided."""
    decision = read_json(run.decision)
    return Verdict(_TITLES[decision["verdict"]], decision["sentence"])


def verdict_card(run: RunDir) -> str:
    """Return the decision and the figures behind it as Markdown."""
    from seqtag.reporting import verdict_markdown

    links = {"Report": str(run.report), "Data docs": str(run.data_docs), "Run directory": str(run.path)}
    return verdict_markdown(
        metrics=read_json(run.metrics),
        decision=read_json(run.decision),
        profile=read_json(run.profile),
        links=links,
    )


def summary(run: RunDir, *, dashboard: str | None = None) -> str:
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
        decision=read_json(run.decision),
        optimum=read_json(run.optimum) if run.optimum.exists() else None,
        links=links,
    )
