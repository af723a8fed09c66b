"""URLs with a signature that changes daily: they are read, and never stored or shown."""

from __future__ import annotations

import bz2
import gzip
import io
import logging
import traceback
import zipfile
from datetime import date
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqtag import steps
from seqtag.config import Settings, load_tagger
from seqtag.config.tagger_config import CorpusConfig
from seqtag.corpus import files_digest, read_sources, source_digests
from seqtag.corpus.files import find_files
from seqtag.errors import ConfigError, CorpusFormatError, CorpusRejectedError
from seqtag.features.vectors import read_vectors

TEXT = "".join(f"w{i} X\nv{i} Y\n\n" for i in range(30)).encode()
TAGGER = """
name = "small"
[[corpus.sources]]
format = "conll"
path = "${CORPUS_URL}"
"""


def corpus(*paths: str, form: str = "conll", **other: str) -> CorpusConfig:
    return CorpusConfig.model_validate(
        {"sources": [{"format": form, "path": path, **other} for path in paths]}
    )


def ids(config: CorpusConfig) -> list[str]:
    return [name for batch in read_sources(config) for name in batch["sequence_id"].to_pylist()]


def leaking(text: str, signature: str) -> bool:
    return any(form in text for form in (signature, quote(signature, safe=""), quote(signature)))


def test_a_new_signature_of_the_same_bytes_changes_nothing(store, tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG, logger="seqtag")
    monkeypatch.setenv("SEQTAG_HOME", str(tmp_path / "home"))
    (tmp_path / "small.toml").write_text(TAGGER)
    broken = TEXT.replace(b"w3 X", b"w3 X\n\xc2\xa0 X Y Z", 1) + b"B-\n\n"  # defects name their file, too
    store.files["ner/x.conll.gz"] = gzip.compress(broken)
    config, workspace = load_tagger(tmp_path / "small.toml"), steps.Workspace.of(Settings())
    snapshots, signatures = [], ["Zq7+first/day==", "Zq7+second/day/longer=="]
    for day, signature in enumerate(signatures, start=1):
        store.signature = signature
        monkeypatch.setenv("CORPUS_URL", store.signed("ner/x.conll.gz"))
        assert steps.poll_sources(config, workspace) == ("changed" if day == 1 else "unchanged")
        snapshots.append(steps.ingest(config, workspace))
        run = steps.open_run(config, snapshots[-1], workspace, as_of=date(2026, 1, day))
        with pytest.raises(CorpusRejectedError):  # too much of it is broken
            steps.validate(run)
    assert snapshots[0] == snapshots[1]
    assert [record.message for record in caplog.records if "unchanged, snapshot" in record.message]
    assert len(list(workspace.home.runs("small").glob("2026-*"))) == 1
    written = [path for path in workspace.home.root.rglob("*") if path.is_file()]
    assert {"config.json", "quarantine.parquet", "index.html"} <= {path.name for path in written}
    for signature in (*signatures, "AKIA", "X-Amz"):
        for path in written:
            assert not leaking(str(path) + path.read_bytes().decode("latin-1"), signature)
        assert not leaking(caplog.text, signature)
        shown = "".join(str(pq.read_table(part).to_pylist()) for part in snapshots[0].parts)
        assert not leaking(shown, signature)
    assert "x.conll.gz#1" in shown
    assert "defect" in shown


def zstandard(text: bytes) -> bytes:
    return pa.Codec("zstd").compress(text, asbytes=True)


PACKERS = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".zst": zstandard}


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_packed_file_is_unpacked_whatever_its_query(store, suffix):
    store.files[f"x.conll{suffix}"] = PACKERS[suffix](TEXT)
    assert ids(corpus(store.signed(f"x.conll{suffix}")))[:2] == [f"x.conll{suffix}#1", f"x.conll{suffix}#2"]


def test_every_format_is_read_under_a_name_without_the_query(store):
    table = pa.table({"tokens": [["a", "b"]], "tags": [["X", "Y"]]})
    long = pa.table({"s": ["1", "1"], "w": ["a", "b"], "t": ["X", "Y"]})
    parquet, long_parquet = io.BytesIO(), io.BytesIO()
    pq.write_table(table, parquet)
    pq.write_table(long, long_parquet)
    columns = {"sequence_column": "s", "token_column": "w", "tag_column": "t"}
    conllu = "1\ta\t_\tX\t_\t_\t_\t_\t_\t_\n2\tb\t_\tY\t_\t_\t_\t_\t_\t_\n\n"
    cases = [
        ("conll", b"a X\nb Y\n", {}),
        ("conllu", conllu.encode(), {}),
        ("table", b"s,w,t\n1,a,X\n1,b,Y\n", columns),
        ("jsonl", b'{"tokens": ["a", "b"], "tags": ["X", "Y"]}\n', {}),
        ("parquet", parquet.getvalue(), {}),
        ("parquet-long", long_parquet.getvalue(), columns),
    ]
    for form, content, other in cases:
        store.files["corpus"] = content
        (batch,) = read_sources(corpus(store.signed("corpus"), form=form, **other))
        assert batch["tokens"].to_pylist() == [["a", "b"]], form
        assert not leaking(str(batch.to_pylist()), store.signature), form
    store.files |= {"corpus": b"a b\n", "tags": b"X Y\n"}
    parallel = corpus(store.signed("corpus"), form="parallel", tags_path=store.signed("tags"))
    assert ids(parallel) == ["corpus#1"]


def test_objects_that_differ_only_in_their_query_are_numbered(store):
    store.files |= {"download?id=42": b"a X\n", "download?id=43": b"b X\n"}
    urls = [store.signed("download", f"id={number}&") for number in (42, 43, 42)]
    assert ids(corpus(*urls)) == ["download#1", "download~2#1", "download#1"]
    before = source_digests(corpus(*urls))
    store.files["download?id=43"] = b"c X\n"
    assert source_digests(corpus(*urls)) != before


def test_files_that_differ_only_in_their_folders_keep_them_without_the_query(store):
    store.files |= {"dev/x.conll": b"a X\n", "test/x.conll": b"b X\n"}
    urls = [store.signed(f"{folder}/x.conll") for folder in ("dev", "test")]
    assert ids(corpus(*urls)) == ["dev/x.conll#1", "test/x.conll#1"]


@pytest.mark.parametrize("name", ["download?id=42", "x?sig=abc/def", "x.conll?versionId=3"])
def test_a_query_in_the_name_of_a_downloaded_file_is_not_shown(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"a X\n")
    assert ids(corpus(str(tmp_path / name))) == [name.partition("?")[0] + "#1"]


@pytest.mark.parametrize("name", ["a#1.conll", "what?.conll", "key=2024/token=abc/x.conll"])
def test_characters_that_begin_no_query_stay_in_the_name(tmp_path, name):
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_bytes(b"a X\n")
    assert ids(corpus(str(tmp_path / name))) == [name.rpartition("/")[2] + "#1"]


def test_partitions_keep_their_names(tmp_path):
    for key in ("a", "b"):
        (tmp_path / f"token={key}").mkdir()
        (tmp_path / f"token={key}" / "x.conll").write_bytes(b"a X\n")
    assert ids(corpus(f"{tmp_path}/*/x.conll")) == ["token=a/x.conll#1", "token=b/x.conll#1"]


def read_corpus(path: str) -> None:
    list(read_sources(corpus(path)))


def read_vector_file(path: str) -> None:
    read_vectors(path, pa.array(["a"]))


@pytest.mark.parametrize("read", [read_corpus, read_vector_file])
@pytest.mark.parametrize(
    ("path", "content", "kind", "message"),
    [
        ("x.txt", None, ConfigError, "matches no file"),
        ("x.txt.gz", gzip.compress(TEXT)[:-9], CorpusFormatError, r"x\.txt\.gz"),
        ("x.txt", b"a 1\n\xff X\x00 Y\nb\n", CorpusFormatError, r"x\.txt:\d"),
    ],
)
def test_no_error_about_a_file_holds_the_signature(store, monkeypatch, read, path, content, kind, message):
    monkeypatch.setenv("URL", store.signed(path))
    if content is not None:
        store.files[path] = content
    with pytest.raises(kind, match=message) as error:
        read("${URL}")
    assert not leaking("".join(traceback.format_exception(error.value)), store.signature)


@pytest.mark.parametrize("path", ["x.conll", "x.conll.gz", "x.parquet"])
def test_no_error_holds_a_signature_that_expires_before_its_file_is_read(store, monkeypatch, path):
    store.files[path], signature = TEXT, store.signature
    monkeypatch.setenv("URL", store.signed(path))
    reading = read_sources(corpus("${URL}", form="parquet" if path.endswith("parquet") else "conll"))
    store.signature = "another"
    with pytest.raises((ConfigError, OSError), match=path) as error:
        list(reading)
    assert not leaking("".join(traceback.format_exception(error.value)), signature)


@pytest.mark.parametrize("path", ["x.conll", "x.conll.gz", "x.parquet"])
def test_no_error_holds_the_signature_of_a_file_that_vanishes_while_it_is_read(store, monkeypatch, path):
    store.files[path] = TEXT
    monkeypatch.setenv("URL", store.signed(path))
    reading = read_sources(corpus("${URL}", form="parquet" if path.endswith("parquet") else "conll"))
    store.files.clear()
    with pytest.raises(FileNotFoundError, match=path) as error:
        list(reading)
    assert not leaking("".join(traceback.format_exception(error.value)), store.signature)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:Zq7secret/x.conll", "nosuch://me:Zq7secret@host/x", "http://[Zq7secret/x"],
)
def test_a_wrong_address_in_a_variable_is_not_repeated(monkeypatch, url):
    monkeypatch.setenv("URL", url)
    with pytest.raises((ConfigError, ConnectionError), match=r"'\$\{URL\}'") as error:
        find_files("${URL}")
    assert "Zq7secret" not in "".join(traceback.format_exception(error.value))


def test_vectors_at_a_signed_url_are_unpacked_and_identified_by_their_bytes(store):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("glove.txt", "a 1 2\nb 3 4\n")
    store.files |= {"glove.zip": packed.getvalue(), "glove.txt.gz": gzip.compress(b"a 1 2\nb 3 4\n")}
    digests = []
    for store.signature in ("Zq7+first/day==", "Zq7+second/day/longer=="):
        for path in ("glove.zip", "glove.txt.gz"):
            assert read_vectors(store.signed(path), pa.array(["b"])).values.tolist() == [[3, 4]]
        digests.append(files_digest(store.signed("glove.zip")))
    assert digests[0] == digests[1]
