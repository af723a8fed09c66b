from pathlib import Path

import pytest

from seqtag import steps
from seqtag.artifacts import materialize, read_json, write_json
from seqtag.config import TaggerConfig
from seqtag.run_dir import RunDir
from tests.unit.baseline.conftest import toy_language


def open_run(folder: Path, split, *, baseline: str, seed: int = 1) -> RunDir:
    run = RunDir(folder / "runs" / "toy" / "run")
    run.path.mkdir(parents=True, exist_ok=True)
    corpus = {"sources": [{"format": "sample"}]}
    config = TaggerConfig(name="toy", seed=seed, corpus=corpus, evaluate={"baseline": baseline})
    write_json(run.config, config.model_dump(mode="json"))

    def write(splits: Path) -> None:
        for i, name in enumerate(("train", "test")):
            split(name, toy_language(40, seed=i)).rename(splits / f"{name}.parquet")

    materialize(run.output("split"), step="split", inputs={}, write=write)
    return run


def test_no_baseline_is_trained_by_default(tmp_path, split):
    run = open_run(tmp_path, split, baseline="none")
    assert steps.baseline(run) is None
    assert not run.output("baseline").exists()


def test_a_baseline_is_reused_for_equal_splits_and_algorithm(tmp_path, split):
    pytest.importorskip(
        "pycrfsuite", reason="python-crfsuite is not installed: pip install 'seqtag[baseline]'"
    )
    run = open_run(tmp_path, split, baseline="crfsuite-ap")
    output = steps.baseline(run)
    assert set(output.outputs) == {"predictions.parquet", "facts.json"}
    assert read_json(run.baseline_facts)["algorithm"] == "crfsuite-ap"
    assert steps.baseline(run).reused
    again = open_run(tmp_path, split, baseline="crfsuite-lbfgs")
    assert not steps.baseline(again).reused
