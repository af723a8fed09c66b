"""Compressed files and archives, detected from their first bytes."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqtag.config.tagger_config import CorpusConfig
from seqtag.corpus import SourceReport, read_sources
from seqtag.corpus.containers import container_of
from seqtag.corpus.files import find_files, opened, opened_seekable
from seqtag.errors import CorpusFormatError

TEXT = b"a O\n\n" * 1000
JSONL = b'{"tokens": ["a"], "tags": ["O"]}\n'


def zstandard(content: bytes) -> bytes:
    return pa.Codec("zstd").compress(content, asbytes=True)


def zipped(*members: tuple[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writer:
        for name, content in members:
            writer.writestr(name, content)
    return archive.getvalue()


def tarred(*members: tuple[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=form) as writer:
        for name, content in members:
            header = tarfile.TarInfo(name)
            header.size = len(content)
            if name.endswith("/"):
                header.type = tarfile.DIRTYPE
            writer.addfile(header, io.BytesIO(content))
    return archive.getvalue()


def only(content: bytes) -> bytes:
    return zipped(("train.conll", content))


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "Zstandard": zstandard,
    "zip": only,
}


def report_of(path: Path, **source: object) -> SourceReport:
    corpus = CorpusConfig.model_validate({"sources": [{"format": "conll", "path": str(path), **source}]})
    reports: list[SourceReport] = []
    list(read_sources(corpus, on_source=reports.append))
    return reports[0]


@pytest.mark.parametrize("name", ["corpus", "CORPUS.GZ", "corpus.conll", "corpus.zip", "Corpus.Conll.Bz2"])
@pytest.mark.parametrize("packing", PACKERS)
def test_packing_is_detected_from_the_bytes_not_the_name(packing, name, tmp_path, read_rows):
    path = tmp_path / name
    path.write_bytes(PACKERS[packing](TEXT))

    rows = read_rows({"format": "conll", "path": str(path)})
    assert len(rows) == 1000
    assert rows[999]["sequence_id"] == f"{name}#1000"
    assert report_of(path).record().assumed["compression"] == {packing: 1}


@pytest.mark.parametrize("packing", ["gzip", "bzip2", "xz", "Zstandard"])
def test_concatenated_packed_files_are_read_to_the_end(packing, tmp_path):
    path = tmp_path / "corpus.conll"
    path.write_bytes(PACKERS[packing](TEXT) + PACKERS[packing](TEXT))

    with opened(find_files(str(path))[0]) as file:
        assert b"".join(iter(lambda: file.read(999), b"")) == TEXT + TEXT


def test_nested_layers_are_unpacked(read):
    packed = gzip.compress(zipped(("x.gz", gzip.compress(b"a O\n"))))
    assert [row["tokens"] for row in read(packed, format="conll")] == [["a"]]


def test_a_file_that_unpacks_to_itself_is_refused(read):
    packed = b"a O\n"
    for _ in range(6):
        packed = gzip.compress(packed)
    with pytest.raises(CorpusFormatError, match=r"corpus\.txt: packed in more than 4 layers"):
        read(packed, format="conll")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("BZh9 O\n", "utf-8"),
        ("BZh91AY O\n", "utf-8"),
        ("PK O\n", "utf-8"),
        ("7z O\n", "utf-8"),
        ("Rar! O\n", "utf-8"),
        ("(\N{MICRO SIGN}/\N{LATIN SMALL LETTER Y WITH ACUTE} O\n\n\n\n", "latin-1"),
        ("ustar O\n" * 100, "utf-8"),
        ("a\0b O\n", "utf-8"),
    ],
)
def test_text_that_begins_like_a_packed_file_is_text(text, encoding, read):
    rows = read(text.encode(encoding), format="conll", encoding=encoding)
    assert rows[0]["tokens"][0] == text.split(" ")[0]


def test_plain_text_is_never_taken_for_packed():
    for first in range(256):
        assert container_of(bytes([first]) + b" O\nand more text\n" * 80) is None


@pytest.mark.parametrize("packing", PACKERS)
@pytest.mark.parametrize("name", ["corpus.conll", "corpus.gz"])
def test_truncated_packed_files_are_an_error(packing, name, read):
    content = PACKERS[packing](TEXT)
    with pytest.raises(
        CorpusFormatError, match=rf"^{name}: damaged or incomplete {packing} data \(.+\); copy or export"
    ):
        read(content[: len(content) - 9], name=name, format="conll")


@pytest.mark.parametrize("suffix", ["gz", "ZST", "bz2", "xz", "zip", "tar", "tgz"])
def test_binary_content_that_contradicts_the_name_is_an_error(suffix, read):
    with pytest.raises(CorpusFormatError, match=r"^corpus\.\w+: not .+ data, although its name says so"):
        read(b"\1\2\3" * 700, name=f"corpus.{suffix}", format="conll")


def test_text_named_gz_is_read_with_a_warning(tmp_path, read_rows):
    path = tmp_path / "train.conll.gz"  # an HTTP client has unpacked it already
    path.write_bytes(TEXT)

    assert len(read_rows({"format": "conll", "path": str(path)})) == 1000
    (warned,) = report_of(path).record().warnings
    assert (warned.kind, warned.place) == ("not compressed", "train.conll.gz")


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
        (b"Rar!\x1a\x07\x01\x00", "RAR"),
        (b"\x04\x22\x4d\x18", "LZ4"),
        (b"\x1f\x9d\x90", "Unix compress"),
    ],
)
def test_unsupported_packings_are_refused_by_name(head, kind, read):
    with pytest.raises(CorpusFormatError, match=rf"corpus\.txt: packing {kind} is not supported"):
        read(head + b"x" * 99, format="conll")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([], r"corpus\.zip: 0 files in this zip archive, expected one"),
        (
            [("a.conll", b"x"), ("b/b.conll", b"y")],
            r"2 files .* expected one \(a\.conll, b/b\.conll\); unpack it",
        ),
        (
            [("xl/workbook.xml", b"x"), ("y", b"")],
            r"corpus\.zip: Excel workbooks cannot be read; .* as CSV",
        ),
    ],
)
def test_a_zip_without_exactly_one_file_is_refused(members, message, read):
    with pytest.raises(CorpusFormatError, match=message):
        read(zipped(*members), name="corpus.zip", format="conll")


def test_hidden_files_of_a_zip_from_a_mac_are_ignored(read):
    packed = zipped(("data/", b""), ("data/train.conll", b"a O\n"), ("__MACOSX/data/._train.conll", b"\0"))
    assert [row["sequence_id"] for row in read(packed, name="corpus.zip", format="conll")] == ["corpus.zip#1"]


def test_a_zip_with_a_password_is_refused(read):
    packed = bytearray(only(TEXT))
    packed[6] |= 1  # the flag in the local header, and in the central directory
    packed[packed.index(b"PK\1\2") + 8] |= 1
    with pytest.raises(CorpusFormatError, match=r"member 'train\.conll' cannot be read \(.*encrypted"):
        read(bytes(packed), format="conll")


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("packing", ["none", *PACKERS])
def test_each_file_of_a_tar_is_a_file_of_the_source(packing, form, tmp_path, read_rows):
    archive = tarred(
        ("./data/", b""),
        ("./data/._train.conll", b"\0\1"),
        ("./data/train.conll", b"a O\n\nb O\n"),
        ("./data/.DS_Store", b"\0"),
        ("./data/" + "wide" * (40 if form != tarfile.USTAR_FORMAT else 1) + "/dev.conll", b"c O\n"),
        form=form,
    )
    path = tmp_path / "corpus.tar.gz"
    path.write_bytes(PACKERS.get(packing, bytes)(archive))

    rows = read_rows({"format": "conll", "path": str(path)})
    assert [row["tokens"] for row in rows] == [["a"], ["b"], ["c"]]
    assert [row["sequence_id"] for row in rows[:2]] == [
        "corpus.tar.gz/data/train.conll#1",
        "corpus.tar.gz/data/train.conll#2",
    ]
    assert rows[2]["sequence_id"].endswith("/dev.conll#1")
    compression = "tar" if packing == "none" else f"tar in {packing}"
    assert report_of(path).record().assumed["compression"] == {compression: 2}


def parquet(*tokens: str) -> bytes:
    stored = io.BytesIO()
    lists = pa.array([[token] for token in tokens])
    pq.write_table(pa.table({"tokens": lists, "tags": lists}), stored)
    return stored.getvalue()


TABLE = b"s,w,t\n1,a,O\n"
COLUMNS = {"sequence_column": "s", "token_column": "w", "tag_column": "t"}


@pytest.mark.parametrize(
    ("source", "content"),
    [
        ({"format": "jsonl"}, JSONL),
        ({"format": "table", **COLUMNS}, TABLE),
        ({"format": "parquet"}, parquet("a")),
        ({"format": "conllu"}, b"1\ta\t_\tO\t_\t_\t_\t_\t_\t_\n\n"),
    ],
)
def test_every_format_is_read_from_an_archive(source, content, read):
    archive = gzip.compress(tarred(("x", content), ("y.gz", gzip.compress(content)), ("z", content)))
    assert [row["tokens"] for row in read(archive, name="c.tgz", **source)] == [["a"]] * 3


def test_nested_archives_are_opened(read):
    rows = read(tarred(("in.tar", tarred(("a.conll", b"a O\n")))), name="out.tar", format="conll")
    assert [row["sequence_id"] for row in rows] == ["out.tar/in.tar/a.conll#1"]


def test_parallel_text_is_read_from_two_archives(tmp_path, read_rows):
    (tmp_path / "in.tar").write_bytes(tarred(("1.in", b"a\n"), ("2.in", b"b\n")))
    (tmp_path / "out.tar").write_bytes(tarred(("1.out", b"X\n"), ("2.out", b"Y\n")))
    source = {"format": "parallel", "path": f"{tmp_path}/in.tar", "tags_path": f"{tmp_path}/out.tar"}

    assert [(row["tokens"], row["tags"]) for row in read_rows(source)] == [(["a"], ["X"]), (["b"], ["Y"])]

    (tmp_path / "out.tar").write_bytes(tarred(("1.out", b"X\n")))
    with pytest.raises(CorpusFormatError, match=r"out\.tar: fewer files than in in\.tar"):
        read_rows(source)


ARCHIVE = tarred(("a.conll", b"a O\n"), ("b.conll", b"b O\n"))  # blocks: header, data, header, data, the end


@pytest.mark.parametrize(
    ("archive", "message"),
    [
        (tarred(), "no files in this tar archive, expected at least one"),
        (tarred(("data/", b""), ("data/.x", b"")), "no files in this tar archive"),
        (tarred(("a", b"a O\n"), ("./a", b"b O\n")), "duplicate file 'a' in this tar archive"),
        (ARCHIVE + ARCHIVE, "data after the end of this tar archive"),
        (ARCHIVE[:700], "damaged or incomplete tar data"),
        (ARCHIVE[:1024], r"damaged or incomplete tar data \(.* at byte 1,024\)"),
        (ARCHIVE[:1300], "damaged or incomplete tar data"),
        (
            ARCHIVE[:1024] + b"\1" * 512 + ARCHIVE[1536:],
            r"damaged or incomplete tar data \(.* at byte 1,024\)",
        ),
        (gzip.compress(ARCHIVE)[:-9], "damaged or incomplete tar in gzip data"),
    ],
    ids=["empty", "hidden", "twice", "joined", "in data", "at header", "in header", "header", "gzip"],
)
def test_an_empty_or_damaged_archive_is_an_error(archive, message, read):
    with pytest.raises(CorpusFormatError, match=rf"^corpus\.tar: {message}"):
        read(archive, name="corpus.tar", format="conll")


def test_a_tar_is_refused_as_a_single_file(tmp_path):
    path = tmp_path / "vectors.tar"
    path.write_bytes(ARCHIVE)
    with (
        pytest.raises(CorpusFormatError, match="file is a tar archive: expected a single file"),
        opened(find_files(str(path))[0]),
    ):
        pass


@pytest.mark.parametrize("packing", ["none", *PACKERS])
def test_packed_parquet_is_read_with_random_access(packing, tmp_path):
    path = tmp_path / "corpus"
    path.write_bytes(PACKERS.get(packing, bytes)(parquet("a", "b")))

    with opened_seekable(find_files(str(path))[0]) as file:
        assert pq.read_table(file)["tokens"].to_pylist() == [["a"], ["b"]]


def test_reading_zstandard_prints_nothing(tmp_path, capfd):
    path = tmp_path / "corpus.conll.zst"
    path.write_bytes(zstandard(TEXT))
    report_of(path)

    assert capfd.readouterr().err == ""  # where Arrow would report that it could not close a stream


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (
            b"PAR1\x15\x04",
            'file is Parquet: expected text in utf-8; set format = "parquet", or "parquet-long"',
        ),
        (b"SQLite format 3\x00\x10", 'file is a SQLite database: expected text in utf-8; set format = "sql"'),
        (
            "a\tO\n".encode("utf-16-le"),
            'UTF-16 without a byte order mark: expected text in utf-8; set encoding = "utf-16-le"',
        ),
        (
            "a\tO\n".encode("utf-16-be"),
            'UTF-16 without a byte order mark: expected text in utf-8; set encoding = "utf-16-be"',
        ),
    ],
)
def test_content_that_is_not_text_is_refused_with_the_key_that_reads_it(content, what, read):
    with pytest.raises(CorpusFormatError, match=re.escape(what)):
        read(content, format="conll")


@pytest.mark.parametrize(
    ("content", "encoding"),
    [(b"PAR1\tO\n", "utf-8"), (b"a\x00\tO\n", "utf-8"), ("a\tO\n".encode("utf-16-be"), "utf-16-be")],
)
def test_content_that_begins_almost_like_a_binary_file_is_text(content, encoding, read):
    assert len(read(content, format="conll", encoding=encoding)) == 1
