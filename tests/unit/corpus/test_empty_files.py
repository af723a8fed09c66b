"""Files without a sequence: skipped and counted, unless the whole source has none."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqtag.config.tagger_config import CorpusConfig
from seqtag.corpus import SourceReport, read_sources
from seqtag.errors import CorpusFormatError

COLUMNS = {"sequence_column": "s", "token_column": "w", "tag_column": "t"}


def parquet(**columns: pa.Array) -> bytes:
    stored = io.BytesIO()
    pq.write_table(pa.table(columns), stored)
    return stored.getvalue()


def rows(n: int) -> bytes:
    lists = pa.array([["a"]] * n, pa.list_(pa.string()))
    return parquet(tokens=lists, tags=lists)


def long_rows(n: int) -> bytes:
    texts = pa.array(["1"] * n, pa.string())
    return parquet(s=texts, w=texts, t=texts)


CASES: list[tuple[dict[str, object], bytes, bytes]] = [
    ({"format": "conll"}, b"", b"a O\n"),
    ({"format": "conll"}, b"\n \n\n", b"a O\n"),
    ({"format": "conllu"}, b"# newdoc\n\n", b"1\ta\t_\tX\t_\t_\t_\t_\t_\t_\n\n"),
    ({"format": "jsonl"}, b"", b'{"tokens": ["a"], "tags": ["O"]}\n'),
    ({"format": "jsonl", "id_column": "id"}, b"\n", b'{"id": "7", "tokens": ["a"], "tags": ["O"]}\n'),
    ({"format": "table", **COLUMNS}, b"", b"s,w,t\n1,a,O\n"),
    ({"format": "table", **COLUMNS}, b"s,w,t\n", b"s,w,t\n1,a,O\n"),
    ({"format": "parquet"}, rows(0), rows(1)),
    ({"format": "parquet-long", **COLUMNS}, long_rows(0), long_rows(1)),
]


@pytest.mark.parametrize(("source", "empty", "full"), CASES)
def test_empty_parts_are_skipped_and_counted(source, empty, full, tmp_path):
    for number, content in enumerate([empty, full, empty]):
        (tmp_path / f"part-{number}").write_bytes(content)
    corpus = CorpusConfig.model_validate({"sources": [{**source, "path": f"{tmp_path}/part-*"}]})
    reports: list[SourceReport] = []

    assert sum(batch.num_rows for batch in read_sources(corpus, on_source=reports.append)) == 1
    assert reports[0].record().changed == {"empty files skipped": 2}


@pytest.mark.parametrize(("source", "empty", "full"), CASES)
def test_a_source_of_empty_parts_is_a_single_error(source, empty, full, tmp_path, read_rows):
    for number in range(5):
        (tmp_path / f"part-{number}").write_bytes(empty)

    with pytest.raises(
        CorpusFormatError,
        match=r"^part-0, part-1, part-2 and 2 more: no [a-z ]+ found in any of 5 files, expected",
    ):
        read_rows({**source, "path": f"{tmp_path}/part-*"})


def test_empty_parts_of_parallel_text_are_skipped_in_pairs(tmp_path, read_rows):
    for name, text in {"0.in": "", "0.out": "", "1.in": "a\n", "1.out": "O\n"}.items():
        (tmp_path / name).write_text(text)

    read = read_rows({"format": "parallel", "path": f"{tmp_path}/*.in", "tags_path": f"{tmp_path}/*.out"})
    assert [row["sequence_id"] for row in read] == ["1.in#1"]
