"""Complete retrainings never write database passwords or URL signatures anywhere."""

import gzip
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import sqlalchemy

from flows import stack
from seqtag.run_dir import Home
from tests.postgres import PASSWORD, QUOTED_PASSWORD, postgres_url  # noqa: F401 - a fixture
from tests.signed_url_server import Store, store  # noqa: F401 - a fixture

CHECKOUT = Path(__file__).resolve().parents[2]
FORMS = (PASSWORD.encode(), QUOTED_PASSWORD.encode(), json.dumps(PASSWORD)[1:-1].encode())
RETRAIN = (sys.executable, "-m", "flows.retrain")
SEQTAG = (str(Path(sys.executable).with_name("seqtag")),)
Run = Callable[..., tuple[int, bytes]]
SETTINGS = """
[train]
max_epochs = 1

[gate]
floor = 0.05
"""
TAGGER = """
name = "small"

[[corpus.sources]]
format = "sql"
url = "${CORPUS_URL}"
sequence_column = "sequence_id"
token_column = "token"
tag_column = "tag"
query = "SELECT sequence_id, token, tag FROM tokens ORDER BY sequence_id, position"
"""
SIGNED = """
name = "small"

[[corpus.sources]]
format = "conll"
path = "${CORPUS_URL}"
"""


@pytest.fixture
def database(postgres_url: str) -> Iterator[str]:  # noqa: F811 - the fixture
    """Yield the URL of a database that holds a corpus and in which the registry is created."""
    chance = random.Random(1)
    tokens = [(f"s{i}", j, chance.choice("abcd")) for i in range(200) for j in range(6)]
    rows = [
        {"sequence_id": sequence, "position": position, "token": token, "tag": "X" if token == "a" else "Y"}
        for sequence, position, token in tokens
    ]
    engine = sqlalchemy.create_engine(postgres_url, poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE tokens (sequence_id text, position int, token text, tag text)"
        )
        connection.execute(
            sqlalchemy.text("INSERT INTO tokens VALUES (:sequence_id, :position, :token, :tag)"), rows
        )
    yield postgres_url
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")


@pytest.mark.slow
def test_passwords_are_written_nowhere(tmp_path: Path, database: str) -> None:
    home = Home(tmp_path / "home")
    run = command_runner(home, SEQTAG_REGISTRY_URL=database, CORPUS_URL=database)
    (tmp_path / "small.toml").write_text(TAGGER + SETTINGS)
    (tmp_path / "mistaken.toml").write_text(TAGGER.replace("FROM tokens", "FROM nowhere") + SETTINGS)
    small, mistaken = str(tmp_path / "small.toml"), str(tmp_path / "mistaken.toml")
    wrong = database.replace(QUOTED_PASSWORD, QUOTED_PASSWORD + "x")  # the database refuses it
    try:
        codes, words = zip(
            run(*RETRAIN, small),
            run(*RETRAIN, mistaken),
            run(*SEQTAG, "retrain", small, CORPUS_URL=wrong),
            run(*SEQTAG, "history", "small", SEQTAG_REGISTRY_URL=wrong),
            run(*SEQTAG, "history", "small", "--json"),
            run(*SEQTAG, "rollback", "small", "--to", "1", "--reason", f"read at {database}"),
            strict=True,
        )
    finally:
        stack.down(home)
    assert codes == (0, 1, 1, 1, 0, 1), b"\n".join(words).decode()
    assert leaking({"a URL": database.encode()}) == ["a URL"]
    assert leaking({"terminal": b"\n".join(words)}) == []
    written = everything_below(home.root)
    assert {"prefect.db", "server.log", "report.html", "bundle.json"} <= {Path(name).name for name in written}
    assert leaking(written) == []
    assert leaking(everything_in(database)) == []


@pytest.mark.slow
def test_signatures_are_written_nowhere_and_a_new_one_is_no_change(
    tmp_path: Path,
    store: Store,  # noqa: F811
) -> None:
    home = Home(tmp_path / "home")
    run = command_runner(home)
    chance = random.Random(1)
    words = ["".join(chance.choice("abcd") for _ in range(6)) for _ in range(200)]
    lines = ("\n".join(f"{letter} {'X' if letter == 'a' else 'Y'}" for letter in word) for word in words)
    store.files["ner/x.conll.gz"] = gzip.compress("\n\n".join(lines).encode())
    (tmp_path / "small.toml").write_text(SIGNED + SETTINGS)
    small, (first, second) = str(tmp_path / "small.toml"), ("Zq7+first/day==", "Zq7+second/day/longer==")
    try:
        store.signature = first
        url = store.signed("ner/x.conll.gz")
        trained = run(*RETRAIN, small, CORPUS_URL=url)
        store.signature = second
        expired = run(*RETRAIN, small, CORPUS_URL=url)
        unchanged = run(*RETRAIN, small, CORPUS_URL=store.signed("ner/x.conll.gz"))
        shown = run(*SEQTAG, "show", "small")
    finally:
        stack.down(home)
    spoken = b"\n".join(text for _, text in (trained, expired, unchanged, shown))
    assert [code for code, _ in (trained, expired, unchanged, shown)] == [0, 1, 0, 0], spoken.decode()
    assert b"the server answered 403" in expired[1]
    assert b"the sources are unchanged" in unchanged[1]
    assert len(list(home.corpus("small").glob("*/part-*.parquet"))) == 1
    assert len(list(home.runs("small").glob("2*"))) == 1
    written = everything_below(home.root)
    assert {"prefect.db", "report.html", "bundle.json", "config.json"} <= {
        Path(name).name for name in written
    }
    forms = {form.encode() for each in (first, second) for form in (each, quote(each, safe=""), quote(each))}
    assert leaking({"a URL": url.encode()}, forms) == ["a URL"]
    assert leaking({"terminal": spoken, **written}, forms | {b"AKIA", b"X-Amz-"}) == []


def command_runner(home: Home, **environment: str) -> Run:
    """Return a function that runs a command and returns its exit code and output."""
    settings = {
        "SEQTAG_HOME": str(home.root),
        "PREFECT_HOME": str(home.prefect),
        "PREFECT_SERVER_API_PORT": "0",
        **environment,
    }

    def run(*command: str, **other: str) -> tuple[int, bytes]:
        done = subprocess.run(
            command, cwd=CHECKOUT, env=os.environ | settings | other,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout

    return run


def everything_below(folder: Path) -> dict[str, bytes]:
    """Return the path and content of each file of a folder as bytes, by path."""
    return {str(path): str(path).encode() + path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def leaking(texts: dict[str, bytes], forms: Collection[bytes] = FORMS) -> list[str]:
    return [name for name, text in texts.items() if any(form in text for form in forms)]


def everything_in(url: str) -> dict[str, bytes]:
    """Return each table of a database as text."""
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        tables = sqlalchemy.inspect(connection).get_table_names()
        assert {"seqtag_ledger", "model_versions", "params"} <= set(tables)
        return {
            table: repr(connection.exec_driver_sql(f'SELECT t::text FROM "{table}" t').all()).encode()  # noqa: S608
            for table in tables
        }
