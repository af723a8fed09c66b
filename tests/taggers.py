"""A small tagger that trains in seconds, and its retraining by the steps."""

from datetime import UTC, date, datetime
from pathlib import Path

from seqtag import steps
from seqtag.config import load_tagger
from seqtag.pipeline import STEPS
from seqtag.run_dir import RunDir

ME = steps.AuditContext("me@host", "a test", datetime(2026, 1, 1, tzinfo=UTC))

TAGGER = """
name = "{name}"
seed = {seed}

[[corpus.sources]]
format = "sample"
n_sequences = 200

[train]
max_epochs = 1

[gate]
floor = {floor}
"""


class Taggers:
    """Writer of TOML files of small taggers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, *, name: str = "small", seed: int = 1, floor: float = 0.05, more: str = "") -> str:
        path = self.folder / f"{name}.toml"
        path.write_text(TAGGER.format(name=name, seed=seed, floor=floor) + more)
        return str(path)


def retrain(tagger: str | Path, workspace: steps.Workspace, *, day: int = 1) -> RunDir:
    """Run all steps of a tagger's file without a baseline, as of a day of January 2026."""
    config = load_tagger(tagger)
    run = steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=date(2026, 1, day))
    for step in STEPS:
        if step.is_shared and step.name != "baseline":
            getattr(steps, step.name)(run)
    steps.register(run, workspace)
    steps.smoke_test(run, workspace)
    steps.promote(run, workspace, by=ME)
    steps.report(run)
    return run
