"""Smoke test of a registered model: golden sequences, unusual sequences and malformed input.

`run_smoke_test` runs in a separate process, as in a consumer. Only permanent errors
(`seqtag.errors.is_permanent`) become findings; any other error ends the test and is raised.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from seqtag.bundle_description import Bundle
from seqtag.config import ReadColumn, SchemeName, TimeColumn
from seqtag.config.recipes import RECIPES
from seqtag.config.secrets import hide_passwords
from seqtag.corpus.token_values import seconds
from seqtag.errors import RegistryError, is_permanent
from seqtag.evaluation.predictions import CONFIDENCE, PREDICTED, TOKENS
from seqtag.features import ColumnIndex, TagIndex
from seqtag.formatting import first_line
from seqtag.records import Passed
from seqtag.subprocess_runner import peak_memory
from seqtag.tagging import convert_tags, legal_transitions
from seqtag.tagging.ragged import flatten, relist

N_GOLDEN: Final = 200  # sequences
TOLERANCE: Final = 1e-4  # of probabilities, since float32 sums depend on their order
_REPEATS = 20
_NO_COLUMNS: Mapping[str, Sequence[Any]] = MappingProxyType({})
_LONG = 10_000  # tokens, or characters
UNUSUAL: Final = {
    "an empty sequence": [],
    "unknown tokens": [f"\u2603 never seen {i}" for i in range(20)],
    "emoji": ["\U0001f469\u200d\U0001f469\u200d\U0001f467", "\U0001f3f3\ufe0f\u200d\U0001f308", "\U0001f600"],
    "control characters": ["\x00", "\x1b[2J", "\u202e", "\n", "\ufeff"],
    f"a token of {10 * _LONG:,} characters": ["a" * 10 * _LONG],
}
MALFORMED: Final = {
    "numbers": [1, 2.5],
    "a null token": ["a", None],
    "a null sequence": None,
    "nested lists": [["a"], ["b"]],
    "text instead of a list": "a b",
    "an empty token": ["a", ""],
    "an unpaired surrogate": ["\ud800"],
}


@dataclass(frozen=True)
class SmokeCheck:
    """Outcome of one check."""

    check: str
    passed: Passed
    detail: str


class Served(NamedTuple):
    """Answer of a served model: one list per sequence."""

    tags: list[list[str]]
    confidence: list[list[float]]


class Golden(NamedTuple):
    """Sequences and their predictions from the model's evaluation."""

    tokens: list[list[str]]
    tags: list[list[str]]
    confidence: list[list[float]]
    columns: Mapping[str, Sequence[Any]] = _NO_COLUMNS  # of the tokens, by name


class Serve(Protocol):
    """A served model."""

    def __call__(self, sequences: Sequence[Any], columns: Mapping[str, Sequence[Any]] = ..., /) -> Served: ...


def run_smoke_test(
    *, url: str, model: str, version: str, bundle: str, golden: str | None, scheme: SchemeName
) -> dict[str, Any]:
    """Load a model as MLflow's model server does, and return `checks` and `measured` for findings.json.

    Raises:
        RegistryError: the registry could not be reached.
        Exception: any other error that is not known to be the model's fault.
    """
    import mlflow.pyfunc

    started = time.perf_counter()
    mlflow.set_tracking_uri(url)
    mlflow.set_registry_uri(url)
    try:
        loaded = mlflow.pyfunc.load_model(model)
    except Exception as error:
        if getattr(error, "error_code", None) == "TEMPORARILY_UNAVAILABLE":
            text = hide_passwords(_named(error))
            raise RegistryError(f"registry: loading version {version} to smoke-test it: {text}") from error
        if not (is_permanent(error) or _cannot_be_parsed(error)):
            raise
        failed = SmokeCheck(check="model loads", passed=False, detail=_named(error))
        return {"checks": [asdict(failed)], "measured": {}}
    loading = time.perf_counter() - started
    description, tags = Bundle.load(Path(bundle)), TagIndex.load(Path(bundle))

    def serve(sequences: Sequence[Any], columns: Mapping[str, Sequence[Any]] = _NO_COLUMNS, /) -> Served:
        import pandas as pd

        given = {"tokens": sequences, **columns}
        frame = pd.DataFrame({name: pd.Series(list(lists), dtype=object) for name, lists in given.items()})
        answer = loaded.predict(frame)
        return Served(answer["tags"].tolist(), answer["confidence"].tolist())

    columns, longest = ColumnIndex.load(Path(bundle)), _longest_whole(description)
    known = None if golden is None else _golden(Path(golden), columns, longest=longest)
    spelled = tags.tags_in(description.output_scheme)
    legal = legal_transitions(spelled, description.output_scheme) if _promises_legal(description) else None
    checks = [SmokeCheck(check="model loads", passed=True, detail=f"version {version} in {loading:.1f} s")]
    if known is not None:
        checks += _check_golden(serve, known, output_scheme=description.output_scheme, scheme=scheme)
    unusual = UNUSUAL | {f"{_LONG:,} tokens": list(islice(cycle(known.tokens[0] if known else ["a"]), _LONG))}
    checks += [_check_answer(name, tokens, serve, spelled, legal) for name, tokens in unusual.items()]
    checks += [_check_rejection(name, value, serve) for name, value in MALFORMED.items()]
    sample = known or Golden([["a", "b", "c"]], [], [])
    measured = {"load_seconds": round(loading, 2), **_speed(serve, sample), "peak_bytes": peak_memory()}
    return {"checks": list(map(asdict, checks)), "measured": measured}


def _longest_whole(bundle: Bundle) -> int:
    """Return the number of tokens up to which sequences are tagged neither in pieces nor in windows."""
    longest = bundle.bucket_lengths[-1]
    return longest if bundle.cut is None else min(longest, bundle.cut.max_length)


def _golden(predictions: Path, columns: ColumnIndex, *, longest: int) -> Golden | None:
    """Return sequences spread over a predictions file, without those that were tagged in windows."""
    present = pq.read_schema(predictions).names
    read = {learned.column.name: learned.column for learned in columns.columns}
    further = [name for name in read if name in present]
    table = pq.read_table(predictions, columns=[TOKENS, PREDICTED, CONFIDENCE, *further])
    lengths = table[TOKENS].combine_chunks().value_lengths().to_numpy()
    rows = np.flatnonzero((lengths > 0) & (lengths <= longest))
    if not len(rows):
        return None
    chosen = rows[np.unique(np.linspace(0, len(rows) - 1, N_GOLDEN).astype(int))]
    table = table.take(chosen).combine_chunks()
    tokens, tags, confidence = (table[name].to_pylist() for name in (TOKENS, PREDICTED, CONFIDENCE))
    typed = {name: _typed(table[name].chunk(0), read[name]) for name in further}
    return Golden(tokens, tags, confidence, typed)


def _typed(lists: pa.ListArray, column: ReadColumn) -> list[Any]:
    """Return the values of a column as a client sends them: times in any format as seconds."""
    if not isinstance(column, TimeColumn):
        return list(lists.to_pylist())
    texts, offsets = flatten(lists)
    return list(relist(pa.array(seconds(texts, column.format)), offsets, like=lists).to_pylist())


def _promises_legal(bundle: Bundle) -> bool:
    """Tell whether the bundle's decoder returns only legal tag sequences."""
    always_softmax = RECIPES[bundle.recipe].always_softmax or bundle.model.output == "softmax"
    return bundle.output_scheme != "none" and not always_softmax


def _check_golden(
    serve: Serve, known: Golden, *, output_scheme: SchemeName, scheme: SchemeName
) -> list[SmokeCheck]:
    """Check that golden sequences get the same tags and confidences as in the evaluation."""
    check = "tags match the evaluation"
    try:
        served = serve(known.tokens, known.columns)
        tags = convert_tags(pa.array(served.tags, pa.list_(pa.string())), output_scheme, scheme).to_pylist()
    except Exception as error:
        if not is_permanent(error):
            raise
        return [SmokeCheck(check=check, passed=False, detail=_named(error))]
    others = [row for row, pair in enumerate(zip(tags, known.tags, strict=True)) if pair[0] != pair[1]]
    shapes = [len(row) for row in served.confidence] == [len(row) for row in known.confidence]
    apart = (
        float(np.max(np.abs(np.concatenate(served.confidence) - np.concatenate(known.confidence))))
        if shapes
        else float("inf")
    )
    first = f", first: {known.tokens[others[0]][:8]}" if others else ""
    return [
        SmokeCheck(
            check=check,
            passed=not others,
            detail=f"{len(others)} of {len(tags)} sequences differ{first}",
        ),
        SmokeCheck(
            check="confidences match the evaluation",
            passed=apart <= TOLERANCE,  # False for NaN
            detail=f"largest difference {apart:.2g}, {TOLERANCE} is allowed",
        ),
    ]


def _check_answer(name: str, tokens: list[str], serve: Serve, tags: Sequence[str], legal: Any) -> SmokeCheck:
    """Check that a sequence gets one legal tag and one probability per token."""
    try:
        answer = serve([tokens])
    except Exception as error:
        if not is_permanent(error):
            raise
        return SmokeCheck(check=f"tags {name}", passed=False, detail=_named(error))
    predicted, confidence = answer.tags[0], np.array(answer.confidence[0], np.float64)
    numbers = {tag: number for number, tag in enumerate(tags)}
    unknown = sorted(set(predicted) - set(numbers))
    faults = []
    if not len(predicted) == len(confidence) == len(tokens):
        faults.append(f"{len(predicted)} tags and {len(confidence)} confidences for {len(tokens)} tokens")
    if unknown:
        faults.append(f"tags outside its tag set: {unknown[:8]}")
    elif legal is not None and predicted:
        path = [len(tags), *(numbers[tag] for tag in predicted), len(tags)]
        n_illegal = int((~legal[path[:-1], path[1:]]).sum())
        faults += [f"{n_illegal} illegal transitions"] if n_illegal else []
    if not ((confidence >= 0) & (confidence <= 1 + TOLERANCE)).all():  # False for NaN
        faults.append("confidences outside [0, 1]")
    return SmokeCheck(check=f"tags {name}", passed=not faults, detail="; ".join(faults) or "as expected")


def _check_rejection(name: str, value: Any, serve: Serve) -> SmokeCheck:
    """Check that malformed input is rejected, and that a sequence is still tagged after it."""
    from mlflow.exceptions import MlflowException

    check = f"rejects {name}"
    try:
        serve([value])
    except (MlflowException, ValueError, TypeError) as error:
        n_tags = len(serve([["a"]]).tags[0])
        outcome = "still tags" if n_tags == 1 else f"then {n_tags} tags for one token"
        return SmokeCheck(check=check, passed=n_tags == 1, detail=f"{type(error).__name__}, {outcome}")
    except Exception as error:
        if not is_permanent(error):
            raise
        return SmokeCheck(check=check, passed=False, detail=_named(error))
    return SmokeCheck(check=check, passed=False, detail="returned tags")


def _speed(serve: Serve, sample: Golden) -> dict[str, float]:
    """Time one sequence of median length and all sequences at once, both after compilation."""
    sequences, columns = sample.tokens, sample.columns
    middle = sorted(range(len(sequences)), key=lambda row: len(sequences[row]))[len(sequences) // 2]
    one = [sequences[middle]], {name: [lists[middle]] for name, lists in columns.items()}
    times = [_timed(serve, *one) for _ in range(_REPEATS)]
    whole = min(_timed(serve, sequences, columns) for _ in range(2))
    return {
        "one_sequence_milliseconds": round(1000 * statistics.median(times), 2),
        "tokens_per_second": round(sum(map(len, sequences)) / whole),
    }


def _timed(serve: Serve, sequences: Sequence[Any], columns: Mapping[str, Sequence[Any]]) -> float:
    started = time.perf_counter()
    serve(sequences, columns)
    return time.perf_counter() - started


def _cannot_be_parsed(error: Exception) -> bool:
    """Tell whether TensorFlow (2.21) read a SavedModel's file but could not parse it."""
    return type(error) is OSError and error.errno is None


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {first_line(error)}"
