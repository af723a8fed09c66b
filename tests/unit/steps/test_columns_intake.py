"""From column files to splits, through the real steps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from seqtag import steps
from seqtag.artifacts import read_json
from seqtag.config import Settings, TaggerConfig
from seqtag.errors import CorpusRejectedError
from seqtag.run_dir import RunDir
from seqtag.steps import read_snapshot

SENTENCES = [
    [(f"Ada{i}", "B-PER"), (f"Lovelace{i}", "I-PER"), ("likes", "O"), ("#", "O"), (f"tea{i}", "O")]
    for i in range(60)
]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> steps.Workspace:
    """A workspace with an empty registry, which takes a second to create."""
    return steps.Workspace.of(Settings(home=tmp_path_factory.mktemp("home")))


@pytest.fixture
def opened(tmp_path: Path, workspace: steps.Workspace) -> Callable[..., RunDir]:
    """Return a function that writes a file and opens a run on it."""

    def run(text: str, **source: Any) -> RunDir:
        path = tmp_path / "train.txt"
        path.write_text(text)
        corpus = {"sources": [{"path": str(path), **source}]}
        config = TaggerConfig.model_validate({"name": "toy", "corpus": corpus})
        return steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=date(2026, 1, 1))

    return run


def columns(line: str = "{token}\t{tag}", above: str = "") -> str:
    blocks = [[above, *(line.format(token=a, tag=b) for a, b in sentence)] for sentence in SENTENCES]
    return "\n\n".join("\n".join(line for line in block if line) for block in blocks) + "\n"


def treebank() -> str:
    line = "{n}\t{token}\t_\tX\t_\t_\t0\t_\t_\tSpaceAfter=No|name={tag}\n"
    blocks = [
        "".join(line.format(n=n, token=a, tag=b) for n, (a, b) in enumerate(sentence, 1))
        for sentence in SENTENCES
    ]
    return "\n".join(blocks)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("token\ttag\n# newdoc\n" + columns("{token}\t{tag}\t"), {"header": True, "comment": "#"}),
        (columns("{token} {tag} ", above="# sent_id = 1"), {}),
        ("-DOCSTART- -X- O\n" + columns("{token} -X- _ {tag}"), {"documents": "none"}),
        (treebank(), {"format": "conllu", "tag_column": "MISC", "tag_feature": "name"}),
        (
            "# global.columns = FORM NE\n" + columns().replace("#\tO\n", "").replace("\tO", "\t_"),
            {"format": "conllu", "tag_column": "NE", "tag_default": "O"},
        ),
    ],
    ids=["trailing tab", "comments and a trailing blank", "one document", "feature", "conllu plus"],
)
def test_column_files_are_read_in_each_layout(text, source, opened):
    run = opened(text, **{"format": "conll", **source})
    steps.validate(run)
    steps.split(run)
    tables = [pq.read_table(run.split(name)) for name in ("train", "dev", "test")]

    assert read_json(run.profile)["scheme"]["used"] == "IOB2"
    assert sum(table.num_rows for table in tables) == 60
    assert all(table.num_rows for table in tables)
    assert {tag for table in tables for tags in table["tags"].to_pylist() for tag in tags} == {
        "B-PER",
        "E-PER",
        "O",
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            columns("{token} NN {tag}").replace("tea5 ", "green tea5 "),
            "train.txt:35: found 4 columns, expected 3 (a blank within a cell separates, too)",
        ),
        (columns("{token} -X- _ {tag}").replace("tea5 ", " "), "train.txt:35: found 3 columns, expected 4"),
    ],
    ids=["blank within a token", "empty token"],
)
def test_shifted_columns_are_refused_with_file_and_line(text, reason, opened):
    run = opened(text, format="conll")
    with pytest.raises(CorpusRejectedError):
        steps.validate(run)
    (quarantined,) = pq.read_table(run.quarantine).slice(0, 1).to_pylist()

    assert quarantined["defect"].startswith(reason)
    (record,) = read_json(read_snapshot(run).sources)["sources"]
    assert [warning["kind"] for warning in record["warnings"]] == ["columns"]
