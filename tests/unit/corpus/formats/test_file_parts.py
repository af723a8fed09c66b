"""Sequences that continue in the next file of a source."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqtag.config.tagger_config import CorpusConfig
from seqtag.corpus import SourceReport, read_sources

COLUMNS = {"sequence_column": "s", "token_column": "w", "tag_column": "t"}
Table = list[tuple[str, ...]]


def csv(rows: Table, *further: str) -> bytes:
    return "".join(",".join(row) + "\n" for row in [("s", "w", "t", *further), *rows]).encode()


def parquet(rows: Table, *further: str) -> bytes:
    names = ("s", "w", "t", *further)
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    stored = io.BytesIO()
    pq.write_table(
        pa.table({name: pa.array(c, pa.string()) for name, c in zip(names, columns, strict=True)}), stored
    )
    return stored.getvalue()


WRITERS = {"table": csv, "parquet-long": parquet}


def write(folder: Path, form: str, *parts: Table, further: tuple[str, ...] = ()) -> None:
    for number, rows in enumerate(parts):
        (folder / f"part-{number}").write_bytes(WRITERS[form](rows, *further))


def read(path: str, form: str = "table", **source: Any) -> tuple[list[tuple[str, list[str]]], SourceReport]:
    corpus = CorpusConfig.model_validate({"sources": [{"format": form, "path": path, **COLUMNS, **source}]})
    reports: list[SourceReport] = []
    batches = list(read_sources(corpus, on_source=reports.append))
    rows = pa.Table.from_batches(batches).to_pylist()
    assert [row["defect"] for row in rows if row["defect"]] == []
    return [(row["sequence_id"], row["tokens"]) for row in rows], reports[0]


def row(sequence: str, token: str, *further: str) -> tuple[str, ...]:
    return (sequence, token, "O", *further)


@pytest.mark.parametrize("form", WRITERS)
def test_a_sequence_continues_in_the_next_file(form, tmp_path):
    write(
        tmp_path,
        form,
        [row("1", "a"), row("2", "b")],
        [row("2", "c")],
        [],
        [row("2", "d"), row("3", "e")],
        [row("4", "f")],
    )
    found, report = read(f"{tmp_path}/part-*", form)

    assert found == [("1", ["a"]), ("2", ["b", "c", "d"]), ("3", ["e"]), ("4", ["f"])]
    assert report.record().changed == {"empty files skipped": 1, "sequences joined across files": 1}


@pytest.mark.parametrize("form", WRITERS)
def test_the_cut_of_a_sorted_export_does_not_change_the_sequences(form, tmp_path):
    rows = [row(sequence, f"w{n}") for n, sequence in enumerate("aabbbbcddd")]
    whole = [("a", ["w0", "w1"]), ("b", ["w2", "w3", "w4", "w5"]), ("c", ["w6"]), ("d", ["w7", "w8", "w9"])]
    for first in range(3, 11):  # a first part that holds one sequence alone is not continued
        for second in range(first, 11):
            write(tmp_path, form, rows[:first], rows[first:second], rows[second:])
            assert read(f"{tmp_path}/part-*", form)[0] == whole


def test_files_of_one_sequence_each_are_kept_apart_with_a_warning(tmp_path):
    write(tmp_path, "table", [row("1", "a")], [row("1", "b"), row("2", "c")])
    found, report = read(f"{tmp_path}/part-*")

    assert found == [("1", ["a"]), ("1", ["b"]), ("2", ["c"])]
    (warned,) = report.record().warnings
    assert (warned.kind, warned.place) == ("same_id_in_next_file", "part-1: row 1")


def test_files_that_number_their_sequences_from_1_are_kept_apart(tmp_path):
    write(tmp_path, "table", [row("1", "a"), row("2", "b")], [row("1", "c")], [row("1", "d"), row("2", "e")])
    found, report = read(f"{tmp_path}/part-*")

    assert [tokens for _, tokens in found] == [["a"], ["b"], ["c"], ["d"], ["e"]]
    assert report.record().warnings[0].place == "part-2: row 1"


def test_an_order_that_continues_joins_files_of_one_sequence(tmp_path):
    write(tmp_path, "table", [row("1", "a", "1")], [row("1", "b", "2")], [row("1", "c", "3")], further=("n",))
    assert read(f"{tmp_path}/part-*", order_column="n")[0] == [("1", ["a", "b", "c"])]


def test_the_order_of_a_list_counts(tmp_path):
    write(tmp_path, "table", [row("2", "b")], [row("1", "a"), row("2", "c")])
    found, _ = read([f"{tmp_path}/part-1", f"{tmp_path}/part-0"])

    assert found == [("1", ["a"]), ("2", ["c", "b"])]


@pytest.mark.parametrize("form", WRITERS)
def test_the_order_column_sorts_joined_sequences(form, tmp_path):
    write(
        tmp_path,
        form,
        [row("1", "b", "2"), row("1", "d", "10")],
        [row("1", "c", "9"), row("1", "a", "1"), row("2", "x", "1")],
        further=("n",),
    )
    found, _ = read(f"{tmp_path}/part-*", form, order_column="n")

    assert found == [("1", ["a", "b", "c", "d"]), ("2", ["x"])]


def test_an_order_that_restarts_begins_another_sequence(tmp_path):
    write(
        tmp_path,
        "table",
        [row("1", "a", "1"), row("1", "b", "2")],
        [row("1", "c", "1"), row("1", "d", "2")],
        further=("n",),
    )
    found, report = read(f"{tmp_path}/part-*", order_column="n")

    assert found == [("1", ["a", "b"]), ("1", ["c", "d"])]  # which validation refuses as duplicate_id
    assert report.record().changed == {}


@pytest.mark.parametrize("key", ["split_column", "document_column"])
def test_sequences_of_two_splits_or_documents_are_not_joined(key, tmp_path):
    rows = [row("0", "x", "train"), row("1", "a", "train")]
    write(tmp_path, "table", rows, [row("1", "b", "test")], further=("k",))
    assert read(f"{tmp_path}/part-*", **{key: "k"})[0] == [("0", ["x"]), ("1", ["a"]), ("1", ["b"])]


def test_sequences_of_two_partitions_are_not_joined(tmp_path):
    for split in ("test", "train"):
        path = tmp_path / f"split={split}" / "0.csv"
        path.parent.mkdir()
        path.write_bytes(csv([row("1", "a"), row("2", "b")] if split == "test" else [row("2", "c")]))

    expected = [("1", ["a"]), ("2", ["b"]), ("2", ["c"])]
    assert read(f"{tmp_path}/*/*", split_column="split")[0] == expected
    assert read(f"{tmp_path}/*/*")[0] == expected


def test_two_sources_are_not_joined(tmp_path, read_rows):
    write(tmp_path, "table", [row("0", "x"), row("1", "a")], [row("1", "b")])
    sources = [{"format": "table", "path": f"{tmp_path}/part-{n}", **COLUMNS} for n in (0, 1)]
    assert [each["tokens"] for each in read_rows(*sources)] == [["x"], ["a"], ["b"]]


def test_ids_local_to_a_file_begin_with_its_name(tmp_path):
    write(tmp_path, "table", [row("1", "a"), row("2", "b")], [row("2", "c"), row("1", "d")])
    found, report = read(f"{tmp_path}/part-*", id_scope="file")

    assert found == [("part-0/1", ["a"]), ("part-0/2", ["b"]), ("part-1/2", ["c"]), ("part-1/1", ["d"])]
    assert report.record().changed == {}


@pytest.mark.parametrize(
    ("form", "content", "ids"),
    [
        ("jsonl", '{"id": "1", "tokens": ["a"], "tags": ["O"]}\n', ["part-0/1", "part-1/1"]),
        ("conllu", "# sent_id = 1\n1\ta\t_\tX\t_\t_\t_\t_\t_\t_\n\n", ["part-0/1", "part-1/1"]),
        ("conll", "a O\n", ["part-0#1", "part-1#1"]),
    ],
)
def test_the_scope_of_ids_is_the_same_in_every_format(form, content, ids, tmp_path, read_rows):
    for number in (0, 1):
        (tmp_path / f"part-{number}").write_text(content)
    source = {"format": form, "path": f"{tmp_path}/part-*", "id_scope": "file"}
    rows = read_rows({**source, **({"id_column": "id"} if form == "jsonl" else {})})
    assert [each["sequence_id"] for each in rows] == ids


def test_an_id_that_is_only_in_the_first_row_applies_to_the_next_file_too(tmp_path):
    write(tmp_path, "table", [row("1", "a"), row("2", "b")], [row("", "c"), row("3", "d"), row("", "e")])
    found, _ = read(f"{tmp_path}/part-*", sequence_ids="first_row")

    assert found == [("1", ["a"]), ("2", ["b", "c"]), ("3", ["d", "e"])]


def test_a_file_that_begins_without_an_id_continues_even_the_first_sequence(tmp_path):
    write(tmp_path, "table", [row("1", "a"), row("", "b")], [row("", "c"), row("2", "d")])
    found, _ = read(f"{tmp_path}/part-*", sequence_ids="first_row")

    assert found == [("1", ["a", "b", "c"]), ("2", ["d"])]


def test_rows_without_an_id_are_not_joined(tmp_path, read_rows):
    rows = [row("1", "a"), row("1", "b")]
    write(tmp_path, "table", [*rows, row("", "c")], [row("", "d"), row("2", "e"), row("2", "f")])
    found = read_rows({"format": "table", "path": f"{tmp_path}/part-*", **COLUMNS})

    assert [each["tokens"] for each in found] == [["a", "b"], ["c"], ["d"], ["e", "f"]]


def test_ids_are_compared_without_white_space_around_them(tmp_path):
    write(tmp_path, "table", [row("0", "x"), row("1  ", "a")], [row("1", "b")])
    assert read(f"{tmp_path}/part-*")[0] == [("0", ["x"]), ("1", ["a", "b"])]


def test_interleaved_rows_are_gathered_from_all_files(tmp_path):
    write(
        tmp_path,
        "table",
        [row("x", "a"), row("y", "b"), row("x", "c")],
        [row("z", "d"), row("y", "e"), row("x", "f")],
    )
    found, _ = read(f"{tmp_path}/part-*", rows="interleaved")

    assert found == [("x", ["a", "c", "f"]), ("y", ["b", "e"]), ("z", ["d"])]


def test_a_file_that_a_path_matches_twice_is_read_once(tmp_path):
    write(tmp_path, "table", [row("x", "a"), row("y", "b")], [row("x", "c")])
    corpus = {"sources": [{"format": "table", "path": [f"{tmp_path}/part-0", f"{tmp_path}/*"], **COLUMNS}]}
    corpus["sources"][0]["rows"] = "interleaved"
    reports: list[SourceReport] = []
    batches = list(read_sources(CorpusConfig.model_validate(corpus), on_source=reports.append))

    assert pa.Table.from_batches(batches)["tokens"].to_pylist() == [["a", "c"], ["b"]]
    (warned,) = reports[0].record().warnings
    assert (warned.place, warned.count) == ("part-0", 1)


def test_defects_name_the_file_and_the_row_in_it(tmp_path, read_rows):
    write(
        tmp_path,
        "table",
        [row("1", "a", "1")],
        [row("1", "b", ""), row("2", "c", "1"), row("3", "d", "")],
        further=("n",),
    )
    source = {"format": "table", "path": f"{tmp_path}/part-*", **COLUMNS, "order_column": "n"}
    defects = [each["defect"] for each in read_rows(source)]

    assert [defect and defect.split(": ")[:2] for defect in defects] == [
        ["part-1", "row 1"],
        None,
        ["part-1", "row 3"],
    ]


def tarred(*members: tuple[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as writer:
        for name, content in members:
            header = tarfile.TarInfo(name)
            header.size = len(content)
            writer.addfile(header, io.BytesIO(content))
    return archive.getvalue()


PARTS = {
    "part-1": [row("1", "a"), row("2", "b")],
    "part-2": [row("2", "c"), row("3", "d")],
    "part-10": [row("3", "e"), row("4", "f")],
}
JOINED = [("1", ["a"]), ("2", ["b", "c"]), ("3", ["d", "e"]), ("4", ["f"])]


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize(
    ("order", "n_moved"),
    [
        (("part-1", "part-2", "part-10"), 0),
        (("part-10", "part-2", "part-1"), 2),
        (("part-2", "part-10", "part-1"), 3),
    ],
)
def test_a_sequence_continues_in_the_next_member_of_an_archive_in_any_order(order, n_moved, form, tmp_path):
    members = [(f"data/{name}", WRITERS[form](PARTS[name])) for name in order]
    (tmp_path / "export.tgz").write_bytes(gzip.compress(tarred(*members)))
    found, report = read(f"{tmp_path}/export.tgz", form)

    assert found == JOINED
    assert report.record().changed.get("archive members sorted by name", 0) == n_moved


def test_numbers_without_leading_zeros_order_the_files_of_a_folder_and_of_a_glob(tmp_path):
    for name, rows in PARTS.items():
        (tmp_path / name).write_bytes(csv(rows))

    assert read(str(tmp_path))[0] == JOINED
    assert read(f"{tmp_path}/part-*")[0] == JOINED


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ({}, [("1", ["a", "c", "d"]), ("2", ["b"])]),
        ({"document_column": "date"}, [("1", ["a", "c"]), ("2", ["b"]), ("1", ["d"])]),
    ],
)
def test_interleaved_rows_are_gathered_from_all_days_unless_a_key_names_the_day(named, expected, tmp_path):
    days = {"2026-11-01": [row("1", "a"), row("2", "b"), row("1", "c")], "2026-11-02": [row("1", "d")]}
    for day, rows in days.items():
        path = tmp_path / "log" / f"date={day}" / "0.csv"
        path.parent.mkdir(parents=True)
        path.write_bytes(csv(rows))

    assert read(f"{tmp_path}/log", rows="interleaved", **named)[0] == expected
