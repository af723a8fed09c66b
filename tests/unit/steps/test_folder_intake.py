"""From folders of exported files to splits, through the real steps."""

from __future__ import annotations

import io
import tarfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from seqtag import steps
from seqtag.artifacts import read_json
from seqtag.config import Settings, TaggerConfig
from seqtag.errors import CorpusRejectedError
from seqtag.run_dir import RunDir

COLUMNS = {"sequence_column": "s", "token_column": "w", "tag_column": "t"}
ROWS = [f"{sequence},w{sequence}-{n},{'XYZ'[n]}\n" for sequence in range(60) for n in range(3)]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> steps.Workspace:
    """A workspace with an empty registry, which takes a second to create."""
    return steps.Workspace.of(Settings(home=tmp_path_factory.mktemp("home")))


def opened(workspace: steps.Workspace, **source: Any) -> RunDir:
    config = TaggerConfig.model_validate({"name": "toy", "corpus": {"sources": [source]}})
    return steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=date(2026, 1, 1))


def splits_of(run: RunDir) -> dict[str, int]:
    steps.validate(run)
    return {name: split["n_sequences"] for name, split in read_json(run.profile)["splits"].items()}


def test_sequences_split_over_two_files_are_joined(tmp_path: Path, workspace: steps.Workspace) -> None:
    for part in range(0, len(ROWS), 50):
        (tmp_path / f"part-{part:03}.csv").write_text("s,w,t\n" + "".join(ROWS[part : part + 50]))
    (tmp_path / "part-999.csv").write_text("s,w,t\n")
    (tmp_path / "_SUCCESS").touch()

    run = opened(workspace, format="table", path=str(tmp_path), **COLUMNS)

    assert sum(splits_of(run).values()) == 60


def test_ids_that_repeat_across_files_need_a_scope(tmp_path: Path, workspace: steps.Workspace) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text("s,w,t\n" + "".join(row.replace("w", name) for row in ROWS))
    source = {"format": "table", "path": f"{tmp_path}/*.csv", **COLUMNS}

    with pytest.raises(CorpusRejectedError, match="duplicate_id"):
        steps.validate(opened(workspace, **source))
    assert sum(splits_of(opened(workspace, **source, id_scope="file")).values()) == 120


def test_partitions_of_an_archive_are_splits(tmp_path: Path, workspace: steps.Workspace) -> None:
    with tarfile.open(tmp_path / "corpus.tgz", "w:gz") as archive:
        parts = {"train": range(40), "validation": range(40, 50), "test": range(50, 60)}
        for split, numbers in parts.items():
            text = "".join(f"w{n} X\nv{n} Y\n\n" for n in numbers).encode()
            header = tarfile.TarInfo(f"data/split={split}/part-0.conll")
            header.size = len(text)
            archive.addfile(header, io.BytesIO(text))

    run = opened(workspace, format="conll", path=str(tmp_path / "corpus.tgz"), split_column="split")

    assert splits_of(run) == {"train": 40, "dev": 10, "test": 10}
