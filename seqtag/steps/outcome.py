"""What became of a retraining, in words: for the dashboard, the terminal and `seqtag show`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from seqtag.rundir import RunDir, read_json
from seqtag.steps.ground import Place

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


def summary(run: RunDir, place: Place, *, dashboard: str | None = None) -> str:
    """Return the result and where to look, for a terminal."""
    from seqtag.reporting import summary_lines

    where: dict[str, Any] = {"Report": run.report, "Data docs": run.data_docs, "Run directory": run.path}
    if dashboard is not None:
        where["Dashboard"] = f"{dashboard}  (stop it with: make down)"
    version = read_json(run.registration)["version"]
    where["Registry"] = f"{run.tagger} version {version}  (look with: make registry)"
    result = summary_lines(
        metrics=read_json(run.metrics),
        decision=read_json(run.decision),
        profile=read_json(run.profile),
        history=read_json(run.history),
        optimum=read_json(run.optimum) if run.optimum.exists() else None,
    )
    width = max(map(len, where))
    return "\n".join([result, "", *(f"{name:{width}}  {address}" for name, address in where.items())])
