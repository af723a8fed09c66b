"""Each JSON file of a run directory has one record, and nothing reads such a file in another way."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
READERS = {  # that read JSON of another kind than records
    "seqtag/artifacts.py": "manifests, and read_json itself",
    "seqtag/bundle_description.py": "bundle.json, with the error of a bundle",
    "seqtag/cli/tag_input.py": "lines of input",
    "seqtag/serving/request_body.py": "requests over HTTP",
    "seqtag/config/expectation_types.py": "JSON Schemas of Great Expectations",
    "seqtag/corpus/class_names.py": "metadata of Parquet files",
    "seqtag/corpus/formats/dataset_folders.py": "descriptions of Hugging Face's datasets",
    "seqtag/corpus/formats/json_objects.py": "lines of a corpus",
    "seqtag/corpus/text_shape.py": "first lines of input",
    "seqtag/features/tag_index.py": "tags.json, which is part of a bundle",
    "seqtag/features/train_hashes.py": "metadata of Parquet files",
    "seqtag/neural/training/checkpoints.py": "checkpoints, which only training reads",
    "seqtag/records.py": "records",
    "seqtag/registry/model_artifact.py": "the file names of any bundle, also of another format",
    "seqtag/registry/serving_model.py": "columns.json, in a process without seqtag",
    "seqtag/registry/tracking.py": "files that MLflow has logged",
    "seqtag/steps/context.py": "config.json, a pydantic model",
    "seqtag/steps/dashboard.py": "configurations of other versions, to show the difference",
    "seqtag/subprocess_runner.py": "messages of a subprocess",
    "flows/deploy/work_pools.py": "base job templates of Prefect",
    "flows/services/process_manager.py": "the processes of this machine",
}


def formats() -> list[str]:
    """Return the formats of all records."""
    found = []
    for path in (CHECKOUT / "seqtag").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef) and any(ast.unparse(base) == "Record" for base in node.bases):
                assigned = {ast.unparse(n.target): n.value for n in node.body if isinstance(n, ast.AnnAssign)}
                found.append(ast.literal_eval(assigned["FORMAT"]))
    return sorted(found)


def calls(path: Path) -> set[str]:
    """Return the functions that a file calls, as `read_json` or `json.loads`."""
    nodes = [n.func for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Call)]
    return {ast.unparse(function) for function in nodes}


@pytest.mark.parametrize(
    "name",
    sorted(
        str(p.relative_to(CHECKOUT))
        for d in ("seqtag", "tasks", "flows")
        for p in (CHECKOUT / d).rglob("*.py")
    ),
)
def test_json_is_read_through_records(name: str) -> None:
    reads = bool(calls(CHECKOUT / name) & {"read_json", "json.loads", "json.load"})

    assert reads == (name in READERS)


def test_formats_are_unique_and_numbered() -> None:
    assert len(formats()) >= 15
    assert len(set(formats())) == len(formats())
    assert all(name and number.isdigit() for name, _, number in (f.partition("/") for f in formats()))
