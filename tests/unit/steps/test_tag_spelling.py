"""Spellings of tags, through the real steps."""

from __future__ import annotations

import json
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


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> steps.Workspace:
    return steps.Workspace.of(Settings(home=tmp_path_factory.mktemp("home")))


def through_index(workspace: steps.Workspace, source: dict[str, Any], **tables: Any) -> RunDir:
    config = TaggerConfig.model_validate({"name": "toy", "corpus": {"sources": [source]}, **tables})
    run = steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=date(2026, 1, 1))
    for step in (steps.validate, steps.split, steps.index):
        step(run)
    return run


def tags_of(run: RunDir) -> set[str]:
    lists = [pq.read_table(run.split(name))["tags"].to_pylist() for name in ("train", "dev", "test")]
    return {tag for split in lists for tags in split for tag in tags}


@pytest.mark.parametrize(
    ("words", "declared"),
    [
        (
            "Ms/b-per Li{}/i-per van/i-per Aa/l-per met/o Bo/u-per",
            "o b-per i-per l-per u-per b-org l-org i-org u-org",
        ),
        (
            "Ms/per_B Li{}/per_M van/per_M Aa/per_E met/0 Bo/per_S",
            "0 per_B per_M per_E per_S org_B org_M org_E org_S",
        ),
    ],
)
def test_splits_and_declared_tags_have_canonical_spellings(
    workspace: steps.Workspace, tmp_path: Path, words: str, declared: str
) -> None:
    text = [words.format(i).replace("/", "\t").replace(" ", "\n") for i in range(60)]
    (tmp_path / "train.conll").write_text("\n\n".join(text) + "\n", "utf-8")

    source = {"format": "conll", "path": str(tmp_path / "train.conll")}
    run = through_index(workspace, source, tags={"declared": declared.split()})

    assert read_json(run.profile)["accepted"]
    assert tags_of(run) == {"O", "B-per", "I-per", "E-per", "S-per"}
    known = json.loads(run.tags.read_text("utf-8"))
    assert (known["scheme"], set(known["tags"])) == (
        "IOBES",
        {"O", "B-per", "I-per", "E-per", "S-per", "B-org", "I-org", "E-org", "S-org"},
    )


@pytest.mark.parametrize(("inside", "end", "lone"), [("M", "E", "B"), ("I", "L", "B"), ("I", "E", "E")])
def test_an_ambiguous_lone_prefix_is_refused_with_the_key_that_resolves_it(
    workspace: steps.Workspace, tmp_path: Path, inside: str, end: str, lone: str
) -> None:
    words = f"Ms/B-per Li{{}}/{inside}-per Aa/{end}-per met/O Bo/{lone}-per ./O"
    text = [words.format(i).replace("/", "\t").replace(" ", "\n") for i in range(60)]
    (tmp_path / "train.conll").write_text("\n\n".join(text) + "\n", "utf-8")
    source = {"format": "conll", "path": str(tmp_path / "train.conll")}

    with pytest.raises(
        CorpusRejectedError, match=f"if {lone}-per alone marks a one-token span, set .* illegal_transition"
    ):
        through_index(workspace, source)

    run = through_index(workspace, source, quality={"rules": {"illegal_transition": "warn"}})
    assert tags_of(run) == {"O", "B-per", "I-per", "E-per", "S-per"}


def test_the_sample_corpus_has_no_warning_about_its_commonest_tag(workspace: steps.Workspace) -> None:
    run = through_index(workspace, {"format": "sample", "n_sequences": 300})

    rules = {rule["rule"]: rule for rule in read_json(run.profile)["rules"]}
    assert rules["majority_tag"]["passed"]
