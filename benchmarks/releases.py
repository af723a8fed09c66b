"""Ten yearly releases of a growing corpus, one of them with new splits, retrained automatically.

    SEQTAG_DATA=... python benchmarks/releases.py [--epochs 3]

UD English-EWT is released ten times: the first release has a tenth of its documents, the tenth all. Each
keeps the splits of the previous release, except the sixth, which splits all documents again. Every release
passes through the real steps into one registry. Prints a row per release with the decision and the champion.
"""

from __future__ import annotations

import argparse
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from seqtag import steps
from seqtag.config import Settings, load_tagger
from seqtag.run_dir import RunDir
from seqtag.steps.outcome import final_decision

CHECKOUT = Path(__file__).resolve().parents[1]
N_RELEASES, NEW_SPLITS = 10, 6
SHARES = {"train": 0.8, "dev": 0.1, "test": 0.1}
TOML = """
name = "releases"
[[corpus.sources]]
format = "parquet"
path = "{path}"
document_column = "document_id"
split_column = "split"
[tags]
scheme = "none"
[train]
recipe = "base"
max_epochs = {epochs}
[gate]
floor = 0.5
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus = documents(folder / "source")
        workspace = steps.Workspace.of(Settings(home=folder / "home"))
        print("| release | train | test | test documents | decision | champion afterwards | reason |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        for number in range(1, N_RELEASES + 1):
            path = folder / "corpus.parquet"
            pq.write_table(release(corpus, number), path)
            (folder / "releases.toml").write_text(TOML.format(path=path, epochs=arguments.epochs))
            print(row(number, retrained(folder / "releases.toml", workspace, number), workspace), flush=True)


def documents(home: Path) -> pa.Table:
    """Return all sequences of UD English-EWT that pass validation, with their document ids."""
    workspace = steps.Workspace.of(Settings(home=home))
    config = load_tagger(CHECKOUT / "deployments/taggers/ud-english-ewt.toml")
    run = steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=date(2026, 1, 1))
    steps.validate(run)
    steps.split(run)
    tables = [pq.read_table(run.split(name), columns=["document_id", "tokens", "tags"]) for name in SHARES]
    return pa.concat_tables(tables)


def release(corpus: pa.Table, number: int) -> pa.Table:
    """Return the sequences of a release, with their splits."""
    names = np.unique(np.array(corpus["document_id"].to_pylist()))
    draw = np.random.default_rng(0)
    appears = dict(zip(names, draw.permutation(len(names)) / len(names), strict=True))
    positions = {
        seed: dict(zip(names, np.random.default_rng(seed).random(len(names)), strict=True)) for seed in (1, 2)
    }[1 if number < NEW_SPLITS else 2]
    ids = corpus["document_id"].to_pylist()
    kept = pa.array([appears[document] < number / N_RELEASES for document in ids])
    splits = pa.array([split_of(positions[document]) for document in ids])
    return corpus.append_column("split", splits).filter(kept)


def split_of(position: float) -> str:
    """Return the split of a document from its position in [0, 1)."""
    if position < SHARES["train"]:
        return "train"
    return "dev" if position < SHARES["train"] + SHARES["dev"] else "test"


def retrained(tagger: Path, workspace: steps.Workspace, number: int) -> RunDir:
    """Run all steps on a release."""
    config = load_tagger(tagger)
    by = steps.audit_context("benchmark", datetime.now(UTC))
    run = steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=date(2016 + number, 1, 1))
    for step in (steps.validate, steps.split, steps.index, steps.encode, steps.train, steps.retrain_champion):
        step(run)
    steps.evaluate(run)
    steps.decide(run)
    steps.register(run, workspace)
    steps.smoke_test(run, workspace)
    steps.promote(run, workspace, by=by)
    return run


def row(number: int, run: RunDir, workspace: steps.Workspace) -> str:
    """Return a row of the table."""
    decision = final_decision(run)
    sizes = [pq.ParquetFile(run.split(name)).metadata.num_rows for name in ("train", "test")]
    champion = workspace.registry().champion(run.tagger)
    serves = "none" if champion is None else f"version {champion.version}"
    cells = [number, *sizes, decision.n_documents, decision.verdict, serves, decision.sentence]
    return "| " + " | ".join(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in cells) + " |"


if __name__ == "__main__":
    main()
