"""Folders `split=train/` as columns."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqtag.corpus.partitions import partitions
from seqtag.errors import CorpusFormatError

COLUMNS = {"sequence_column": "s", "token_column": "w", "tag_column": "t"}


def parquet(**columns: list[object]) -> bytes:
    stored = io.BytesIO()
    pq.write_table(pa.table(columns), stored)
    return stored.getvalue()


FORMATS: dict[str, tuple[dict[str, object], bytes]] = {
    "conll": ({}, b"a O\n"),
    "conllu": ({}, b"1\ta\t_\tO\t_\t_\t_\t_\t_\t_\n\n"),
    "jsonl": ({}, b'{"tokens": ["a"], "tags": ["O"]}\n'),
    "table": (COLUMNS, b"s,w,t\n1,a,O\n"),
    "parquet": ({}, parquet(tokens=[["a"]], tags=[["O"]])),
    "parquet-long": (COLUMNS, parquet(s=["1"], w=["a"], t=["O"])),
}


def write(folder: Path, **contents: bytes | str) -> None:
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


@pytest.mark.parametrize("path", ["data", "data/**", "data/*/*/x", "data/split=*/*/x"])
@pytest.mark.parametrize("form", FORMATS)
def test_partitions_are_columns_of_every_format(form, path, tmp_path, read_rows):
    columns, content = FORMATS[form]
    for split, date in {"train": "2026-11-01", "dev": "2026-11-02"}.items():
        write(tmp_path, **{f"data/split={split}/date={date}/x": content})

    source = {
        "format": form,
        "path": f"{tmp_path}/{path}",
        "split_column": "split",
        "document_column": "date",
    }
    rows = read_rows({**source, **columns}, columns=["date"])
    assert [(row["split"], row["document_id"], row["date"], row["tokens"]) for row in rows] == [
        ("dev", "2026-11-02", "2026-11-02", ["a"]),
        ("train", "2026-11-01", "2026-11-01", ["a"]),
    ]


def test_parallel_text_has_the_partitions_of_its_tokens(tmp_path, read_rows):
    write(tmp_path, **{"split=dev/x.in": "a\n", "split=dev/x.out": "O\n"})
    source = {"format": "parallel", "path": f"{tmp_path}/*/x.in", "tags_path": f"{tmp_path}/*/x.out"}
    assert [row["split"] for row in read_rows({**source, "split_column": "split"})] == ["dev"]


def test_files_of_an_archive_have_partitions(tmp_path, read_rows):
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        header = tarfile.TarInfo("data/split=test/x.conll")
        header.size = 4
        archive.addfile(header, io.BytesIO(b"a O\n"))
    rows = read_rows({"format": "conll", "path": f"{tmp_path}/x.tar", "split_column": "split"})
    assert [(row["split"], row["sequence_id"]) for row in rows] == [
        ("test", "x.tar/data/split=test/x.conll#1")
    ]


@pytest.mark.parametrize(
    ("folder", "value"),
    [
        ("time=10%3A30", "10:30"),
        ("time=a%2Fb%3Dc", "a/b=c"),
        ("time=Z%C3%BCrich+Altstadt", "Z\N{LATIN SMALL LETTER U WITH DIAERESIS}rich+Altstadt"),
        ("time=a=b", "a=b"),
        ("time=__HIVE_DEFAULT_PARTITION__", None),
        ("time=", None),
    ],
)
def test_values_are_decoded_from_the_spelling_of_hive(folder, value):
    assert partitions(f"/data/{folder}/x.parquet") == {"time": value}


def test_a_missing_value_of_a_partition_is_null(tmp_path, read_rows):
    write(tmp_path, **{"split=__HIVE_DEFAULT_PARTITION__/x": "a O\n"})
    source = {
        "format": "conll",
        "path": f"{tmp_path}/*/x",
        "split_column": "split",
        "document_column": "split",
    }
    (row,) = read_rows(source)
    assert row["split"] is None
    assert len(row["document_id"]) == 16


def test_a_column_that_is_also_in_the_file_must_agree(tmp_path, read_rows):
    write(tmp_path, **{"split=dev/day=01/x": '{"tokens": ["a"], "tags": ["O"], "split": "dev", "day": 1}'})
    source = {"format": "jsonl", "path": f"{tmp_path}/**/x", "split_column": "split"}
    assert [(row["split"], row["day"]) for row in read_rows(source, columns=["day"])] == [("dev", "01")]

    write(tmp_path, **{"split=dev/day=02/x": '{"tokens": ["a"], "tags": ["O"], "split": "test", "day": 2}'})
    with pytest.raises(
        CorpusFormatError,
        match=r"^day=02/x: column 'split' contradicts the path: 'test' in the file, 'dev' in the folder",
    ):
        read_rows(source, columns=["day"])


@pytest.mark.parametrize("form", ["table", "parquet", "parquet-long"])
def test_other_formats_refuse_a_contradiction_too(form, tmp_path, read_rows):
    contents = {
        "table": "s,w,t,d\n1,a,O,x\n",
        "parquet": parquet(tokens=[["a"]], tags=[["O"]], d=["x"]),
        "parquet-long": parquet(s=["1"], w=["a"], t=["O"], d=["x"]),
    }
    write(tmp_path, **{"d=y/x": contents[form]})
    source = {"format": form, "path": f"{tmp_path}/*/x", "document_column": "d"}
    with pytest.raises(
        CorpusFormatError, match=r"^x: column 'd' contradicts the path: 'x' in the file, 'y' in"
    ):
        read_rows({**source, **(COLUMNS if form != "parquet" else {})})


@pytest.mark.parametrize("key", ["split_column", "document_column"])
def test_a_missing_partition_is_refused(key, tmp_path, read_rows):
    write(tmp_path, **{"lang=de/x": "a O\n"})
    with pytest.raises(
        CorpusFormatError, match=rf"^x: no folder 'part=\.\.\.' in the path: .*{key}.*found 'lang=de'"
    ):
        read_rows({"format": "conll", "path": f"{tmp_path}/*/x", key: "part"})


def test_partitions_that_no_key_names_are_ignored(tmp_path, read_rows):
    write(tmp_path, **{"tokens=3/genre=x/x": '{"tokens": ["a"], "tags": ["O"], "genre": "y"}'})
    (row,) = read_rows({"format": "jsonl", "path": f"{tmp_path}/*/*/x"})
    assert row["tokens"] == ["a"]
