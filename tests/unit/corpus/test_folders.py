"""Folders as paths: read if their files are one data set, else refused with a path to use instead."""

from __future__ import annotations

from pathlib import Path

import fsspec
import pytest

from seqtag.config.tagger_config import CorpusConfig
from seqtag.corpus import SourceReport, read_sources
from seqtag.corpus.files import find_files, list_files
from seqtag.errors import ConfigError

PARTS = ("data/part-00000.conll", "data/part-00001.conll")
SPARK = ("data/_SUCCESS", "data/._SUCCESS.crc", "data/.part-00000.conll.crc")
HIVE = ("data/split=dev/a.conll", "data/split=train/b.conll")


def write(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("a O\n")


def names(path: str) -> list[str]:
    return [file.location.partition("/data/")[2] for file in find_files(path)]


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(
    ("files", "read"),
    [
        (PARTS, ["part-00000.conll", "part-00001.conll"]),
        ((*PARTS, *SPARK), ["part-00000.conll", "part-00001.conll"]),
        (("data/_SUCCESS", "data/x.conll", "data/y.conll"), ["x.conll", "y.conll"]),
        ((*HIVE, "data/_SUCCESS"), ["split=dev/a.conll", "split=train/b.conll"]),
        (
            (*HIVE, "data/_spark_metadata/0", "data/split=dev/.x.conll"),
            ["split=dev/a.conll", "split=train/b.conll"],
        ),
        (("data/a=1/b=2/x", "data/a=2/b=1/x"), ["a=1/b=2/x", "a=2/b=1/x"]),
        (("data/part-10.csv", "data/part-9.csv"), ["part-9.csv", "part-10.csv"]),
        (("data/hour=10/x.csv", "data/hour=9/x.csv"), ["hour=9/x.csv", "hour=10/x.csv"]),
    ],
)
def test_a_folder_that_is_one_data_set_is_read(files, read, slash, tmp_path):
    write(tmp_path, *files)
    assert names(f"{tmp_path}/data{slash}") == read


def test_a_folder_that_is_a_partition_is_read(tmp_path):
    write(tmp_path, *HIVE)
    assert names(f"{tmp_path}/data/split=dev") == ["split=dev/a.conll"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["data/train.conll"], 'It holds one file: write path = "data/train.conll"'),
        (["data/train.conll", "data/.DS_Store"], 'It holds one file: write path = "data/train.conll"'),
        (
            ["data/dev.conll", "data/train.conll", "data/README.md"],
            'It holds 2 .conll files, 1 .md file: write path = "data/*.conll"',
        ),
        (
            ["data/de/x.conll.gz", "data/en/x.conll.gz"],
            'It holds 2 .conll.gz files: write path = "data/**/*.conll.gz"',
        ),
        ([*HIVE, "data/x.conll"], 'It holds 3 .conll files: write path = "data/**/*.conll"'),
        (["data/a=1/x.txt", "data/b=1/x.txt"], 'It holds 2 .txt files: write path = "data/**/*.txt"'),
        (
            ["data/part-0.csv", "data/part.md"],
            'It holds 1 .csv file, 1 .md file: write path = "data/*.csv"',
        ),
    ],
)
def test_a_folder_that_is_not_one_data_set_is_refused_with_a_path(files, message, tmp_path, monkeypatch):
    write(tmp_path, *files)
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigError) as error:
        find_files("data")
    assert str(error.value) == (f"corpus.sources: 'data' is a folder, expected a file or a glob. {message}")


@pytest.mark.parametrize(
    ("files", "path", "message"),
    [
        ([], "data", "'data' is a folder without data, expected files. It is empty"),
        (
            ["data/_SUCCESS", "data/.x"],
            "data",
            "'data' is a folder without data, expected files. "
            "It has only hidden files and markers: .x, _SUCCESS",
        ),
        (["data/_SUCCESS"], "data/*", "'data/*' matches only hidden files and markers: _SUCCESS"),
        (HIVE, "data/split=*", "'data/split=*' matches only folders, expected files; write 'data/split=*/*'"),
    ],
)
def test_a_path_without_data_is_refused(files, path, message, tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    write(tmp_path, *files)
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigError) as error:
        find_files(path)
    assert str(error.value) == f"corpus.sources: {message}"


@pytest.mark.parametrize(
    ("pattern", "read", "n_hidden"),
    [
        ("data/*", ["_train.conll", "part-0.conll"], 2),
        ("data/**", ["_train.conll", "part-0.conll"], 3),
        ("data/_*", ["_SUCCESS", "_train.conll"], 0),
        ("data/.*", [".part-0.conll"], 0),
        ("data/_SUCCESS", ["_SUCCESS"], 0),
    ],
)
def test_globs_skip_hidden_files_and_markers_unless_they_name_them(pattern, read, n_hidden, tmp_path):
    write(tmp_path, "data/part-0.conll", "data/_train.conll", "data/_SUCCESS", "data/.part-0.conll")
    write(tmp_path, "data/.ipynb_checkpoints/part-0.conll")

    listing = list_files(f"{tmp_path}/{pattern}")
    assert [file.name for file in listing.files] == read
    assert listing.n_hidden == n_hidden


def test_the_report_counts_skipped_files(tmp_path):
    write(tmp_path, *PARTS, *SPARK)
    corpus = CorpusConfig.model_validate({"sources": [{"format": "conll", "path": f"{tmp_path}/data"}]})
    reports: list[SourceReport] = []
    list(read_sources(corpus, on_source=reports.append))

    assert reports[0].record().changed == {"hidden files and markers skipped": 3}


def test_a_folder_of_another_file_system_is_read():
    for name in ("split=train/x.conll", "split=dev/x.conll", "_SUCCESS"):
        with fsspec.open(f"memory://folders/data/{name}", "wb") as file:
            file.write(b"a O\n")

    assert names("memory://folders/data") == ["split=dev/x.conll", "split=train/x.conll"]
    with pytest.raises(ConfigError, match=r"write path = \"memory://folders/\*\*/\*\.conll\""):
        find_files("memory://folders")


def test_a_folder_of_a_bucket_is_read(bucket):
    for name in ("split=train/x.conll", "split=dev/x.conll", "_SUCCESS"):
        bucket.put(f"lake/data/{name}", "a O\n")

    assert names("s3://corpora/lake/data") == ["split=dev/x.conll", "split=train/x.conll"]


@pytest.mark.parametrize(
    ("mark", "kind"),
    [
        ("data/_delta_log/00000.json", "a Delta table"),
        ("data/.hoodie/hoodie.properties", "a Hudi table"),
        ("data/metadata/v1.metadata.json", "an Iceberg table"),
    ],
)
def test_a_lakehouse_table_is_refused(mark, kind, tmp_path):
    write(tmp_path, "data/part-0.parquet", mark)
    with pytest.raises(ConfigError, match=f"is {kind}, whose folder also holds rows that were replaced"):
        find_files(f"{tmp_path}/data")

    assert names(f"{tmp_path}/data/*.parquet") == ["part-0.parquet"]
