"""Plan: the size of a test split that shows an improvement, from the newest comparison of a tagger."""

from __future__ import annotations

from collections.abc import Sequence

from seqtag.config import TaggerConfig
from seqtag.errors import ConfigError, RunDirError
from seqtag.gate import IMPROVEMENTS, Decision, Plan, plan_test_split
from seqtag.run_dir import RunDir, opened_runs
from seqtag.steps.context import Workspace


def plan(
    config: TaggerConfig, workspace: Workspace, *, improvements: Sequence[float] = ()
) -> tuple[RunDir, Plan]:
    """Return the newest run that compared two models, and the plan of the test split from it.

    Args:
        config: its gate sets the error level.
        improvements: fractions; without any, a few common ones.

    Raises:
        ConfigError: no run of the tagger has compared a challenger with a champion yet.
    """
    runs = workspace.home.runs(config.name)
    decided = [run for run in opened_runs(runs) if run.decision.exists()]
    for run in sorted(decided, key=lambda run: run.decision.stat().st_mtime, reverse=True):
        try:
            found = plan_test_split(
                Decision.load(run.decision), config.gate, improvements=improvements or IMPROVEMENTS
            )
        except RunDirError:  # of another version
            continue
        if found is not None:
            return run, found
    raise ConfigError(
        f"{config.name}: no two models have been compared yet in {runs}, and a plan needs one comparison; "
        "retrain once more, for example with another seed"
    )
