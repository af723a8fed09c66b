"""Passwords of the databases of a corpus and a registry: whole nights write them nowhere."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy

from flows import local
from seqtag.rundir import Home
from tests.postgres import PASSWORD, QUOTED_PASSWORD, postgres_url  # noqa: F401 - a fixture

CHECKOUT = Path(__file__).resolve().parents[2]
FORMS = (PASSWORD.encode(), QUOTED_PASSWORD.encode(), json.dumps(PASSWORD)[1:-1].encode())
TAGGER = """
name = "small"

[[corpus.sources]]
format = "sql"
url = "${CORPUS_URL}"
sequence_column = "sequence_id"
token_column = "token"
tag_column = "tag"
query = "SELECT sequence_id, token, tag FROM tokens ORDER BY sequence_id, position"

[train]
max_epochs = 1

[gate]
floor = 0.05
"""


@pytest.fixture
def database(postgres_url: str) -> Iterator[str]:  # noqa: F811 - the fixture
    """Give the URL of a database that holds a corpus, and in which the registry is made."""
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
def test_passwords_stand_nowhere(tmp_path: Path, database: str) -> None:
    home = Home(tmp_path / "home")
    environment = os.environ | {
        "SEQTAG_HOME": str(home.root),
        "PREFECT_HOME": str(home.prefect),
        "PREFECT_SERVER_API_PORT": "0",
        "SEQTAG_REGISTRY_URL": database,
        "CORPUS_URL": database,
    }
    (tmp_path / "small.toml").write_text(TAGGER)
    (tmp_path / "mistaken.toml").write_text(TAGGER.replace("FROM tokens", "FROM nowhere"))

    def said(*command: str, **other: str) -> tuple[int, bytes]:
        done = subprocess.run(
            command, cwd=CHECKOUT, env=environment | other,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout

    retrain, seqtag = [sys.executable, "-m", "flows.retrain"], [str(Path(sys.executable).with_name("seqtag"))]
    small, mistaken = str(tmp_path / "small.toml"), str(tmp_path / "mistaken.toml")
    wrong = database.replace(QUOTED_PASSWORD, QUOTED_PASSWORD + "x")  # one that the database refuses
    try:
        codes, words = zip(
            said(*retrain, small),
            said(*retrain, mistaken),
            said(*seqtag, "retrain", small, CORPUS_URL=wrong),
            said(*seqtag, "history", "small", SEQTAG_REGISTRY_URL=wrong),
            said(*seqtag, "history", "small", "--json"),
            said(*seqtag, "rollback", "small", "--to", "1", "--reason", f"read at {database}"),
            strict=True,
        )
    finally:
        local.down(home)
    assert codes == (0, 1, 1, 1, 0, 1), b"\n".join(words).decode()
    assert leaking({"a URL": database.encode()}) == ["a URL"]
    assert leaking({"terminal": b"\n".join(words)}) == []
    written = {str(path): path.read_bytes() for path in home.root.rglob("*") if path.is_file()}
    assert {"prefect.db", "server.log", "report.html", "bundle.json"} <= {Path(name).name for name in written}
    assert leaking(written) == []
    assert leaking(everything_in(database)) == []


def leaking(texts: dict[str, bytes]) -> list[str]:
    return [name for name, text in texts.items() if any(form in text for form in FORMS)]


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
