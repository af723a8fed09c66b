from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqtag.registry import Registry, mlflow_environment, page_command, sqlite_url
from tests.asgi_client import post
from tests.http_servers import free_port, running
from tests.registry_decisions import promote

OpenRegistry = Callable[[Path], Registry]
Results = Callable[..., dict[str, Any]]

SEQUENCES = [["a", "long", "word"], [], ["hello"]]
ORIGIN = {"model_name": "sample", "model_version": "1"}
TAGGED = [
    {
        "tags": ["SHORT", "LONG", "LONG"],
        "confidence": [1, 0.25, 0.25],
        "span_confidence": [0.5, 0.125, 0.125],
    },
    {"tags": [], "confidence": [], "span_confidence": []},
    {"tags": ["LONG"], "confidence": [pytest.approx(0.2)], "span_confidence": [pytest.approx(0.1)]},
]
ANSWERS = [tagged | ORIGIN for tagged in TAGGED]


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Saved model with a tagger's signature: four letters or more are LONG, confidence is 1 / letters.

    Padding gets the tag "PAD", so that it shows if it leaks into an answer.
    """
    import tensorflow as tf

    class LengthTagger(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, None], tf.string, name="tokens")])
        def tag(self, tokens: Any) -> dict[str, Any]:
            letters = tf.strings.length(tokens, unit="UTF8_CHAR")
            tags = tf.where(tokens == "", "PAD", tf.where(letters > 3, "LONG", "SHORT"))
            confidence = 1.0 / tf.cast(tf.maximum(letters, 1), tf.float32)
            return {"tags": tags, "confidence": confidence, "span_confidence": confidence / 2}

    folder = tmp_path_factory.mktemp("tagger") / "saved_model"
    tagger = LengthTagger()
    tf.saved_model.save(tagger, str(folder), signatures={"serving_default": tagger.tag})
    return folder


@pytest.fixture
def served_home(home: Path, open_registry: OpenRegistry, results: Results, saved_model: Path) -> Path:
    """Home whose champion is the tagger above; the bundle it was registered from is deleted."""
    arguments = results()
    bundle = arguments["bundle"]
    shutil.rmtree(bundle / "saved_model")
    shutil.copytree(saved_model, bundle / "saved_model")
    registry = open_registry(home)
    registry.register("sample", **arguments)
    promote(registry, "sample", "1", expected_champion=None)
    shutil.rmtree(bundle)
    return home


@pytest.fixture
def served(served_home: Path, open_registry: OpenRegistry) -> Any:
    """Champion loaded by MLflow in this process."""
    import mlflow.pyfunc

    champion = open_registry(served_home).champion("sample")
    assert champion is not None
    return mlflow.pyfunc.load_model(str(champion.bundle.parent.parent))


def _frame(sequences: list[list[str]]) -> Any:
    import pandas as pd

    return pd.DataFrame({"tokens": sequences})


def test_sequences_of_different_lengths_come_back_in_their_order(served: Any) -> None:
    found = served.predict(_frame(SEQUENCES))
    assert found[["tags", "confidence", "span_confidence"]].to_dict("records") == TAGGED


@pytest.mark.parametrize(
    "index",
    [[2, 0, 1], ["x", "x", "y"], [("d1", 1), ("d1", 2), ("d2", 1)]],
    ids=["shuffled", "repeated", "two levels"],
)
def test_answers_have_the_index_of_the_frame_and_align_with_its_rows(served: Any, index: list[Any]) -> None:
    import pandas as pd

    levels = pd.MultiIndex.from_tuples(index) if isinstance(index[0], tuple) else pd.Index(index)
    frame = pd.DataFrame({"tokens": SEQUENCES, "genre": ["a", "b", "c"]}, index=levels)
    found = served.predict(frame)
    assert found.index.equals(frame.index)
    assert found.to_dict("list")["tags"] == [answer["tags"] for answer in ANSWERS]
    if levels.is_unique:
        frame["tags"] = found["tags"]
        assert frame["tags"].tolist() == [answer["tags"] for answer in ANSWERS]


def test_a_filtered_frame_keeps_its_index(served: Any) -> None:
    frame = _frame(SEQUENCES)
    few = frame[frame["tokens"].str.len() == 1]
    assert served.predict(few)["tags"].to_dict() == {2: ["LONG"]}


def test_an_empty_frame_gets_an_empty_answer(served: Any) -> None:
    empty = {name: [] for name in ("tags", "confidence", "span_confidence", "model_name", "model_version")}
    assert served.predict(_frame([])).to_dict("list") == empty


def test_letters_beyond_ascii_are_read_as_utf8(served: Any) -> None:
    assert served.predict(_frame([["äöü", "Straße"]]))["tags"].tolist() == [["SHORT", "LONG"]]


def test_several_batches_are_tagged_like_one(served: Any) -> None:
    lengths = [1, 12_000, 2, 9_000, 3] * 2  # padded together they would be 120,000 cells
    found = served.predict(_frame([["abcd"] * (length - 1) + ["x"] for length in lengths]))
    assert [len(tags) for tags in found["tags"]] == lengths
    assert [tags[-1] for tags in found["tags"]] == ["SHORT"] * 10
    assert {tag for tags in found["tags"] for tag in tags[:-1]} == {"LONG"}


def test_an_empty_token_is_refused_because_it_would_count_as_padding(served: Any) -> None:
    with pytest.raises(
        ValueError, match=r"row 1: invalid token: expected non-empty strings, got \['a', ''\]"
    ):
        served.predict(_frame([["a"], ["a", ""]]))


def test_a_frame_without_tokens_is_refused_by_the_signature(served: Any) -> None:
    import pandas as pd
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException, match=r"missing inputs \['tokens'\]"):
        served.predict(pd.DataFrame({"words": [["a"]]}))


def _model(home: Path) -> Path:
    """Return the folder of version 1, from which MLflow loads it without seqtag and without a registry."""
    (folder,) = (home / "artifacts" / "sample" / "models").iterdir()
    return folder / "artifacts"


def _predicted(home: Path, sequences: list[list[str]], folder: Path) -> Any:
    """Run `mlflow models predict` in a working directory without seqtag's files."""
    folder.mkdir()
    request, answer = folder / "tokens.json", folder / "answer.json"
    request.write_text(json.dumps({"dataframe_records": [{"tokens": tokens} for tokens in sequences]}))
    model = ["-m", str(_model(home)), "--env-manager", "local"]
    files = ["-i", str(request), "-t", "json", "-o", str(answer)]
    done = subprocess.run(
        [sys.executable, "-m", "mlflow", "models", "predict", *model, *files],
        cwd=folder,
        env=mlflow_environment("sqlite:////nowhere/registry.db"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(answer.read_text())


def test_mlflow_predicts_from_a_file_of_token_lists(served_home: Path, tmp_path: Path) -> None:
    assert _predicted(served_home, SEQUENCES, tmp_path / "elsewhere") == {"predictions": ANSWERS}


@pytest.mark.slow
def test_consumers_load_a_version_from_the_web_page_of_a_home_that_was_moved(
    served_home: Path, tmp_path: Path
) -> None:
    """They know its address, and neither seqtag nor the path of the home."""
    moved = served_home.rename(tmp_path / "elsewhere")
    port = free_port()
    page = page_command(moved / "artifacts", port=port)
    environment = mlflow_environment(sqlite_url(moved / "registry.db"))
    with running(page, f"http://127.0.0.1:{port}/health", cwd=moved, env=environment) as url:
        script = (
            "import mlflow, pandas, sys; mlflow.set_tracking_uri(sys.argv[1]); "
            "model = mlflow.pyfunc.load_model('models:/sample@champion'); "
            f"print(model.predict(pandas.DataFrame({{'tokens': {SEQUENCES}}})).to_json(orient='records'))"
        )
        found = subprocess.run(
            [sys.executable, "-c", script, url.removesuffix("/health")],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
    assert json.loads(found.stdout.splitlines()[-1]) == ANSWERS


def test_a_version_is_loaded_from_a_home_that_was_moved(
    served_home: Path, tmp_path: Path, open_registry: OpenRegistry
) -> None:
    moved = served_home.rename(tmp_path / "elsewhere")
    answers = open_registry(moved).load("sample", "1").predict(_frame(SEQUENCES))
    assert answers.to_dict("records") == ANSWERS


@pytest.fixture
def trained_home(home: Path, open_registry: OpenRegistry, results: Results, tmp_path: Path) -> Path:
    """Home whose champion was trained for an epoch on ten sequences."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from seqtag.config import FeaturesConfig, ModelConfig, TrainConfig
    from seqtag.features import encode_corpus, index_corpus
    from seqtag.neural import TagColumn, train

    features = FeaturesConfig(bucket_lengths=(4, 8), window_overlap=2)
    split = tmp_path / "split.parquet"
    tokens = [["a", "b", "c"], ["b", "d"]] * 5
    tags = [["X", "Y", "X"], ["Y", "X"]] * 5
    rows = pa.array(range(10), pa.int64())
    pq.write_table(pa.table({"row": rows, "tokens": tokens, "tags": tags}), split)
    vocabulary, tag_index = index_corpus(
        split,
        declared=None,
        previous=(),
        scheme="none",
        config=features,
        folder=_made(tmp_path / "vocabulary"),
    )
    splits = {"train": split, "dev": split}
    encode_corpus(splits, vocabulary, tag_index, config=features, folder=tmp_path / "encoded")
    train(
        [
            TagColumn(
                tmp_path / "encoded", tmp_path / "vocabulary", _made(tmp_path / "model"), metric="accuracy"
            )
        ],
        config=TrainConfig(max_epochs=1),
        model=ModelConfig(),
        features=features,
        seed=1,
    )
    registry = open_registry(home)
    registry.register("sample", **{**results(), "bundle": tmp_path / "model"})
    promote(registry, "sample", "1", expected_champion=None)
    return home


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


@pytest.mark.slow
def test_mlflow_and_seqtag_predict_the_same_with_a_trained_champion(
    trained_home: Path, open_registry: OpenRegistry, tmp_path: Path
) -> None:
    import pyarrow as pa

    from seqtag.neural import Tagger

    champion = open_registry(trained_home).champion("sample")
    assert champion is not None
    sequences = [["b", "d"], [], ["a", "never seen", "c", "d"], ["d"]]
    ours = Tagger.load(champion.bundle).tag(pa.array(sequences, pa.list_(pa.string())))
    theirs = _predicted(trained_home, sequences, tmp_path / "elsewhere")["predictions"]
    assert [row["tags"] for row in theirs] == ours.predicted.to_pylist()
    for row, confidence in zip(theirs, ours.confidence.to_pylist(), strict=True):
        assert row["confidence"] == pytest.approx(confidence, abs=1e-6)


@pytest.fixture
def scoring_app(served_home: Path, open_registry: OpenRegistry) -> Any:
    """MLflow's scoring app for the champion."""
    model = open_registry(served_home).load("sample", "1")
    return model.app(model.predict)


def test_the_scoring_app_reads_every_json_layout_of_mlflow(scoring_app: Any) -> None:
    columns = {"columns": ["tokens"], "data": [[tokens] for tokens in SEQUENCES]}
    records = [{"tokens": tokens} for tokens in SEQUENCES]
    layouts = [
        {"dataframe_split": columns},
        {"dataframe_split": {**columns, "index": [2, 0, 0]}},
        {"dataframe_records": records},
        {"inputs": records},
    ]
    answers = [post(scoring_app, "/invocations", json=layout).json() for layout in layouts]
    assert answers == [{"predictions": ANSWERS}] * 4
    empty = post(scoring_app, "/invocations", json={"dataframe_split": {"columns": ["tokens"], "data": []}})
    assert empty.json() == {"predictions": []}


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"words": ["a"]}, "missing inputs ['tokens']"),
        ({"tokens": ["a", ""]}, "row 0: invalid token: expected non-empty strings"),
        ({"tokens": "a b"}, ""),
    ],
)
def test_an_invalid_request_is_answered_with_status_400_and_the_reason(
    scoring_app: Any, record: dict[str, Any], said: str
) -> None:
    refused = post(scoring_app, "/invocations", json={"dataframe_records": [record]})
    assert refused.status_code == 400
    assert said in refused.json()["message"]
    assert "Traceback" not in refused.text


def test_an_error_that_is_not_the_requests_is_status_500_without_its_stack(
    served_home: Path, open_registry: OpenRegistry
) -> None:
    def failing(_: Any) -> Any:
        raise MemoryError("/a/path")

    app = open_registry(served_home).load("sample", "1").app(failing)
    answer = post(app, "/invocations", json={"dataframe_records": [{"tokens": ["a"]}]})
    assert (answer.status_code, answer.json()["message"].splitlines()[-1]) == (500, "Error: MemoryError")
    assert "/a/path" not in answer.text
