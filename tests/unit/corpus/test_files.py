"""Finding and opening the files of a source."""

from __future__ import annotations

import http.server
import io
import socket
import threading
import traceback
from collections.abc import Iterator

import fsspec
import pytest

from seqtag.config.tagger_config import CorpusConfig
from seqtag.corpus import read_sources
from seqtag.corpus.files import InputFile, expand, find_files, opened, with_distinct_names
from seqtag.errors import ConfigError


def test_a_list_keeps_its_order_and_a_glob_is_sorted(tmp_path):
    for name in ("b.conll", "a.conll", "c.conll"):
        (tmp_path / name).touch()
    (tmp_path / "d.conll").mkdir()

    assert [f.name for f in find_files([f"{tmp_path}/c.conll", f"{tmp_path}/[ab].conll"])] == [
        "c.conll",
        "a.conll",
        "b.conll",
    ]
    assert [f.name for f in find_files(f"{tmp_path}/*.conll")] == ["a.conll", "b.conll", "c.conll"]


def test_a_name_with_brackets_is_not_a_glob(tmp_path):
    (tmp_path / "a[1].conll").touch()

    assert [f.name for f in find_files(f"{tmp_path}/a[1].conll")] == ["a[1].conll"]


def test_fsspec_urls_are_read(read_rows):
    with fsspec.open("memory://corpora/train.conll", "wb") as file:
        file.write(b"a O\n")

    rows = read_rows({"format": "conll", "path": "memory://corpora/*.conll"})
    assert [row["sequence_id"] for row in rows] == ["train.conll#1"]


def test_variables_are_expanded(monkeypatch):
    monkeypatch.setenv("DATA", "/data")
    monkeypatch.setenv("SET", "${DATA}")

    assert expand("${DATA}/${SET}/$DATA/{DATA}") == "/data/${DATA}/$DATA/{DATA}"


@pytest.mark.parametrize("value", [None, ""])
def test_an_unset_or_empty_variable_is_an_error_that_names_it(value, monkeypatch):
    monkeypatch.delenv("DATA", raising=False)
    if value is not None:
        monkeypatch.setenv("DATA", value)

    with pytest.raises(ConfigError, match="environment variable DATA is not set"):
        expand("${DATA}/train.conll")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nowhere.conll", "'nowhere.conll' matches no file"),
        ("nowhere/*.conll", "matches no file"),
        ("nosuch://host/a", "'nosuch://host/a' cannot be opened: Protocol not known"),
    ],
)
def test_a_path_that_matches_no_file_is_an_error_before_anything_is_read(path, message):
    corpus = CorpusConfig.model_validate({"sources": [{"format": "conll", "path": path}]})

    with pytest.raises(ConfigError, match=message):
        read_sources(corpus)


@pytest.fixture
def server() -> Iterator[str]:
    """Answer every request with the status that its path begins with, and no content."""
    pytest.importorskip("aiohttp", reason="fsspec reads HTTP through aiohttp")

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(int(self.path[1:4]))
            self.end_headers()

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("path", "kind", "message"),
    [
        ("404/a.conll", ConfigError, "matches no file"),
        ("404/*.conll", ConfigError, "matches no file"),
        ("403/a.conll", ConfigError, "the server answered 403"),
        ("503/a.conll", ConnectionError, "the server answered 503"),
        ("503/*.conll", ConnectionError, "the server answered 503"),
        ("429/a.conll", ConnectionError, "the server answered 429"),
    ],
)
def test_only_status_404_makes_a_file_missing(path, kind, message, server, monkeypatch):
    monkeypatch.setenv("TOKEN", "s3cret")
    with pytest.raises(kind, match=message) as error:
        find_files(f"{server}/{path}?token=${{TOKEN}}")
    assert "s3cret" not in "".join(traceback.format_exception(error.value))


@pytest.mark.parametrize("path", ["a.conll", "*.conll"])
def test_an_unreachable_server_is_not_a_configuration_error(path):
    pytest.importorskip("aiohttp", reason="fsspec reads HTTP through aiohttp")
    with socket.socket() as taken:  # bound, but not listening
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionError, match="cannot be reached: ClientConnectorError"):
            find_files(f"http://127.0.0.1:{taken.getsockname()[1]}/{path}")


def test_files_of_equal_names_are_distinguished_by_their_folders(tmp_path):
    for name in ("x/train/0.gz", "x/dev/0.gz", "y/dev/0.gz", "y/1.gz"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    files = find_files([f"{tmp_path}/x/*/0.gz", f"{tmp_path}/y/dev/0.gz", f"{tmp_path}/y/1.gz"])

    assert [f.name for f in with_distinct_names(files)] == ["x/dev/0.gz", "train/0.gz", "y/dev/0.gz", "1.gz"]
    assert [f.name for f in with_distinct_names([files[0], files[0]])] == ["0.gz", "0.gz"]


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_timeout_of_a_store_is_not_reported_as_damage(suffix):
    class Slow(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, _: object) -> int:
            raise TimeoutError

        def open(self, *_: object) -> io.RawIOBase:
            return self

    file = InputFile(f"x{suffix}", f"x{suffix}", Slow())
    with (
        pytest.raises(ConnectionError, match=f"'x{suffix}' cannot be reached: TimeoutError"),
        opened(file) as read,
    ):
        read.read(9)
