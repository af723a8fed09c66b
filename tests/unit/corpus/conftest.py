"""Read a corpus the way the pipeline does, from content that a test gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from seqtag.config.tagger_config import CorpusConfig
from seqtag.corpus import SourceRecord, corpus_schema, read_sources
from tests.object_store import bucket  # noqa: F401 - a fixture
from tests.postgres import postgres_url  # noqa: F401 - a fixture
from tests.signed_url_server import store  # noqa: F401 - a fixture

Rows = list[dict[str, Any]]


@pytest.fixture
def read_rows() -> Callable[..., Rows]:
    """Return the sequences of some sources as dicts, after checking that each batch has the schema."""

    def rows(*sources: dict[str, Any], columns: Sequence[str] = ()) -> Rows:
        corpus = CorpusConfig.model_validate({"sources": sources, "columns": columns})
        batches = list(read_sources(corpus))
        for batch in batches:
            assert batch.schema == corpus_schema(columns, corpus.token_columns)
            batch.validate(full=True)
        return pa.Table.from_batches(batches).to_pylist()

    return rows


@pytest.fixture
def read(tmp_path: Path, read_rows: Callable[..., Rows]) -> Callable[..., Rows]:
    """Write one file and read it: `read("a\\tO\\n", format="conll")`."""

    def rows(
        content: str | bytes, *, name: str = "corpus.txt", columns: Sequence[str] = (), **source: Any
    ) -> Rows:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_rows({"path": str(path), **source}, columns=columns)

    return rows


@pytest.fixture
def report(tmp_path: Path) -> Callable[..., SourceRecord]:
    """Write one file, read it, and return the report of its reader."""

    def record(content: str, *, name: str = "corpus.txt", **source: Any) -> SourceRecord:
        path = tmp_path / name
        path.write_text(content, "utf-8", newline="")
        corpus = CorpusConfig.model_validate({"sources": [{"path": str(path), **source}]})
        records: list[SourceRecord] = []
        for _ in read_sources(corpus, on_source=lambda report: records.append(report.record())):
            pass
        return records[0]

    return record


@pytest.fixture
def content() -> Callable[[Rows], list[tuple[list[str], list[str]]]]:
    """Return only the tokens and tags of each row."""
    return lambda rows: [(row["tokens"], row["tags"]) for row in rows]
