"""Fixtures: small split files of tokens and tags."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

Split = Callable[..., Path]
STRINGS = pa.list_(pa.string())


def toy_language(n_sequences: int, *, seed: int) -> list[tuple[list[str], list[str]]]:
    """Draw sequences of a, b and c: a "b" before a "c" is tagged B-X, everything else O."""
    draw = np.random.default_rng(seed)
    sequences = []
    for _ in range(n_sequences):
        tokens = draw.choice(list("abc"), size=draw.integers(1, 9)).tolist()
        pairs = zip(tokens, [*tokens[1:], ""], strict=True)
        sequences.append((tokens, ["B-X" if pair == ("b", "c") else "O" for pair in pairs]))
    return sequences


@pytest.fixture
def split(tmp_path: Path) -> Split:
    """Return `write(name, sequences)`, which writes `(tokens, tags)` to a split file; tags may be None."""

    def write(
        name: str, sequences: Sequence[tuple[list[str | None], list[str] | None]], *, row_group: int = 1000
    ) -> Path:
        n = len(sequences)
        table = pa.table(
            {
                "row": pa.array(range(n), pa.int64()),
                "sequence_id": [f"{name}#{i}" for i in range(n)],
                "document_id": [f"{name}-{i}" for i in range(n)],
                "split": [name] * n,
                "tokens": pa.array([tokens for tokens, _ in sequences], STRINGS),
                "tags": pa.array([tags for _, tags in sequences], STRINGS),
                "genre": ["toy"] * n,
            }
        )
        path = tmp_path / f"{name}.parquet"
        pq.write_table(table, path, row_group_size=row_group)
        return path

    return write


@pytest.fixture
def toy(split: Split) -> tuple[Path, Path]:
    """Split files of the toy language: train and test."""
    return split("train", toy_language(160, seed=1)), split("test", toy_language(40, seed=2))
