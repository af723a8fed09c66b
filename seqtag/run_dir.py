"""All paths and file names below `$SEQTAG_HOME`, and the paths that steps are given."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

from seqtag.pipeline import OLDER_FOLDERS


@dataclass(frozen=True)
class Home:
    """`$SEQTAG_HOME`, below which seqtag writes everything."""

    root: Path

    def corpus(self, name: str) -> Path:
        return self.root / "corpora" / name

    def taggers(self) -> list[str]:
        """Return the names of the taggers with runs, in alphabetical order."""
        folder = self.root / "runs"
        names = (path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else ()
        return sorted(name for name in names if not name.startswith("."))

    def runs(self, tagger: str) -> Path:
        return self.root / "runs" / tagger

    def last_flow_run(self, tagger: str) -> Path:
        """The newest flow run that retrained a tagger, and how it ended."""
        return self.runs(tagger) / "last_flow_run.json"

    def monitoring(self, tagger: str) -> Path:
        return self.root / "monitoring" / tagger

    def sources(self, name: str) -> Path:
        """Snapshot ids by fingerprint of the source files."""
        return self.corpus(name) / "sources"

    def noted_sources(self, name: str) -> Path:
        """The source files whose change was reported last."""
        return self.sources(name) / "noted.json"

    def untagged(self, tagger: str) -> Path:
        """Snapshots of sequences to tag."""
        return self.root / "untagged" / tagger

    def untagged_sources(self, tagger: str) -> Path:
        """As `sources`, of snapshots of sequences to tag."""
        return self.untagged(tagger) / "sources"

    def tagged(self, tagger: str) -> Path:
        """Sequences of such snapshots with the tags of a champion."""
        return self.root / "tagged" / tagger

    @property
    def registry_db(self) -> Path:
        return self.root / "registry.db"

    @property
    def artifacts(self) -> Path:
        return self.root / "artifacts"

    @property
    def prefect(self) -> Path:
        return self.root / "prefect"

    @property
    def worker_report(self) -> Path:
        """The next runs and the addresses of the pages, as a worker reported them last."""
        return self.prefect / "worker_report.json"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    def log(self, service: str) -> Path:
        return self.logs / f"{service}.log"

    def service(self, name: str) -> Path:
        """The process that runs a service on this machine; several machines may share a home."""
        return self.prefect / f"{name}@{socket.gethostname()}.json"

    @property
    def caches(self) -> Path:
        """Caches of libraries, which would otherwise write into the user's home."""
        return self.root / "caches"


@dataclass(frozen=True)
class Snapshot:
    """One ingested corpus: `corpora/<name>/<snapshot_id>/`."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def parts(self) -> list[Path]:
        """The Parquet files of the corpus, in reading order."""
        return sorted(self.path.glob("part-*.parquet"))

    @property
    def sources(self) -> Path:
        """Assumptions of the readers about each source, contradictions, and changes."""
        return self.path / "sources.json"

    @property
    def places(self) -> Path:
        """The file and line, or row, where each sequence begins."""
        return self.path / "places.parquet"


@dataclass(frozen=True)
class _DatedFolder:
    """A folder whose name begins with a day, in the folder of a tagger."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def tagger(self) -> str:
        return self.path.parent.name

    @property
    def as_of(self) -> str:
        """The day that it was made for, in the time zone of the tagger's schedule, like 2026-01-31."""
        return self.id[:10]


class RunDir(_DatedFolder):
    """One retraining: `runs/<tagger>/<run_id>/`, one folder per step."""

    def relative(self, path: Path) -> str:
        """Return a path as run directories record it: relative, since the home folder may be moved."""
        return os.path.relpath(path, self.path)

    def resolved(self, path: str) -> Path:
        """Return the path that a run directory records."""
        return absolute(self.path / path)

    def output(self, step: str) -> Path:
        """The folder that a step writes, whole or not at all; in an older run, as it was called then."""
        folder, older = self.path / step, self.path / OLDER_FOLDERS[step]
        return older if older.exists() and not folder.exists() else folder

    @property
    def config(self) -> Path:
        """The tagger's configuration as it was, with every default, as JSON."""
        return self.path / "config.json"

    @property
    def snapshot_address(self) -> Path:
        """The path of the snapshot."""
        return self.path / "snapshot.json"

    @property
    def joint_runs(self) -> Path:
        """The runs that are trained together with this one, if there are any."""
        return self.path / "joint_runs.json"

    @property
    def joint_training(self) -> Path:
        """The bundles of the runs that are trained together, in the first of them."""
        return self.path / ".joint_training"

    @property
    def forced(self) -> Path:
        """Steps that are run even if nothing changed, and who asked for them."""
        return self.path / "forced.json"

    @property
    def opponent(self) -> Path:
        """The champion that this run is compared with, pinned when the run was opened."""
        return self.path / "opponent.json"

    @property
    def earlier(self) -> Path:
        """Earlier runs when the opponent was pinned, and the error budget that they had spent."""
        return self.path / "earlier.json"

    @property
    def approval(self) -> Path:
        """The approval by a person: whether one is required, the request and the response."""
        return self.path / "approval.json"

    @property
    def profile(self) -> Path:
        return self.output("validate") / "profile.json"

    @property
    def quarantine(self) -> Path:
        return self.output("validate") / "quarantine.parquet"

    @property
    def data_docs(self) -> Path:
        return self.output("validate") / "data_docs" / "index.html"

    def split(self, name: str) -> Path:
        return self.output("split") / f"{name}.parquet"

    @property
    def tags(self) -> Path:
        """The tag set, in the order of the tag ids."""
        return self.output("index") / "tags.json"

    @property
    def bundle(self) -> Path:
        """The description of the bundle."""
        return self.output("train") / "bundle.json"

    @property
    def history(self) -> Path:
        """Scores per epoch."""
        return self.output("train") / "history.json"

    def checkpoints(self, key: str) -> Path:
        """Checkpoints that an interrupted training resumes from, in whichever run directory it began."""
        return self.path.parent / ".checkpoints" / key

    @property
    def baseline_predictions(self) -> Path:
        """The test split as tagged by the baseline, if there is one."""
        return self.output("baseline") / "predictions.parquet"

    @property
    def baseline_facts(self) -> Path:
        """Algorithm, version and size of the baseline."""
        return self.output("baseline") / "facts.json"

    @property
    def substitute(self) -> Path:
        """The reason why the champion cannot be compared, if any, and the opponent in its place."""
        return self.output("retrain_champion") / "substitute.json"

    @property
    def retrained_champion(self) -> Path:
        """The bundle of the champion's recipe trained on this split, where one was needed."""
        return self.output("retrain_champion") / "model"

    @property
    def champion_retraining(self) -> Path:
        """The run directory in which the champion's recipe is trained; removed afterwards."""
        return self.path / ".retrain_champion"

    @property
    def metrics(self) -> Path:
        return self.output("evaluate") / "metrics.json"

    def predictions(self, who: str) -> Path:
        """The test split as tagged by `challenger` or `champion`."""
        return self.output("evaluate") / f"{who}.parquet"

    @property
    def optimum(self) -> Path:
        """The best possible accuracy on the test split, where the corpus' generator is known."""
        return self.output("evaluate") / "optimum.json"

    @property
    def decision(self) -> Path:
        return self.output("decide") / "decision.json"

    @property
    def corpus_changes(self) -> Path:
        """Changes of the corpus since the champion's run, if that is still there."""
        return self.output("decide") / "corpus_changes.json"

    @property
    def registration(self) -> Path:
        return self.output("register") / "registration.json"

    @property
    def smoke_findings(self) -> Path:
        """The checks of the smoke test of the registered model."""
        return self.output("smoke_test") / "findings.json"

    @property
    def promotion(self) -> Path:
        """The outcome of the decision in the registry."""
        return self.output("promote") / "promotion.json"

    @property
    def report(self) -> Path:
        return self.output("report") / "report.html"

    @property
    def summary(self) -> Path:
        return self.output("report") / "summary.json"

    @property
    def changed_sequences(self) -> Path:
        """The test sequences that the opponent tags differently."""
        return self.output("report") / "changed_sequences.jsonl"


def opened_runs(folder: Path) -> list[RunDir]:
    """Return the runs in the folder of a tagger, the one that was opened last first."""
    configs = folder.glob("????-??-??-*/config.json")
    opened = sorted(((config.stat().st_mtime_ns, config.parent) for config in configs), reverse=True)
    return [RunDir(path) for _, path in opened]


class TaggedSnapshot(_DatedFolder):
    """A snapshot as a version of a tagger tagged it: `tagged/<tagger>/<day>-<snapshot_id>-v<version>/`.

    Until all of it is tagged, its parts are in a hidden folder next to it.
    """

    @property
    def sequences(self) -> Path:
        """The folder of the tagged sequences, in Parquet."""
        return self.path / "sequences"

    @property
    def quarantine(self) -> Path:
        """The sequences that were not tagged, with the reasons."""
        return self.path / "quarantine.parquet"

    @property
    def summary(self) -> Path:
        return self.path / "summary.json"

    @property
    def drift(self) -> Path:
        """The drift of the sequences from the data of the version's run, if that is still there."""
        return self.path / "drift.json"

    @property
    def partial(self) -> Path:
        """The hidden folder, which is removed at the end."""
        return self.path.with_name(f".{self.path.name}")

    @property
    def lock(self) -> Path:
        """Shared by those who tag parts, and held alone by whoever publishes them."""
        return self.path.with_name(f".{self.path.name}.tagging.lock")

    @property
    def opened(self) -> Path:
        """The folder that is written before anything is tagged."""
        return self.partial / "opened"

    @property
    def pinned(self) -> Path:
        """The version that tags, and the sizes of the snapshot."""
        return self.opened / "pinned.json"

    @property
    def refused(self) -> Path:
        """The quarantine, until all is tagged."""
        return self.opened / self.quarantine.name

    def part(self, name: str) -> Path:
        """The folder of a tagged part of the snapshot, named like its file without the suffix."""
        return self.partial / "parts" / name

    def tagged_part(self, name: str) -> Path:
        return self.part(name) / "tagged.parquet"

    def counts(self, name: str) -> Path:
        """Sizes of a tagged part."""
        return self.part(name) / "counts.json"


class MonitorReport(_DatedFolder):
    """The drift of new data: `monitoring/<tagger>/<day>-<snapshot>/`."""

    @classmethod
    def of(cls, home: Home, tagger: str, snapshot: Snapshot, *, day: str) -> MonitorReport:
        return cls(home.monitoring(tagger) / f"{day}-{snapshot.id}")

    @property
    def drift(self) -> Path:
        """The verdict, and every statistic with its threshold."""
        return self.path / "drift.json"

    @property
    def last_notice(self) -> Path:
        """The drift that was reported last for this tagger."""
        return self.path.with_name("last_notice.json")


def absolute(path: Path) -> Path:
    """Return the path with `~` and the working directory resolved, links kept."""
    return Path(os.path.abspath(path.expanduser()))  # noqa: PTH100 - resolve() would follow links
