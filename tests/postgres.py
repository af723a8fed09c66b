"""A temporary PostgreSQL server for tests.

from tests.postgres import postgres_url  # noqa: F401 - in a conftest.py; then request the fixture
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PASSWORD = "p@ss w/rd%"  # must be quoted in a URL, so that tests cover quoting
QUOTED_PASSWORD = "p%40ss%20w%2Frd%25"


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Yield the SQLAlchemy URL of an empty database; skip the test if PostgreSQL is not installed."""
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: no initdb and pg_ctl in PATH or /usr/lib/postgresql/*/bin")
    user = find_user()
    if user is None:
        pytest.skip("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody")
    with postgres_server(programs, user) as url:
        yield url


@contextmanager
def postgres_server(programs: Path, user: str, *, fsync: bool = False) -> Iterator[str]:
    """Run a server on a free port of 127.0.0.1 as a user other than root; yield its URL.

    Args:
        programs: folder of PostgreSQL's programs.
        fsync: whether commits are flushed to disk, as benchmarks need.
    """
    folder = Path(tempfile.mkdtemp(prefix="seqtag-postgres-"))
    identity = {} if os.geteuid() else {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}

    def run(program: str, *arguments: str) -> None:
        command = [str(programs / program), *arguments]
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=120, check=False, **identity
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}\n{done.stdout}{done.stderr}{_log(folder)}")

    try:
        if identity:
            shutil.chown(folder, user)
        password = folder / "password"
        password.write_text(PASSWORD)
        data, log, port = str(folder / "data"), str(folder / "log"), _free_port()
        if identity:
            shutil.chown(password, user)
        run(
            "initdb",
            "-D",
            data,
            "-U",
            "seqtag",
            "-A",
            "scram-sha-256",
            f"--pwfile={password}",
            "-E",
            "UTF8",
            "-N",
        )
        options = (
            f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='{folder}'"
            f" -c fsync={'on' if fsync else 'off'}"
        )
        run("pg_ctl", "-D", data, "-l", log, "-o", options, "-w", "-t", "60", "start")
        try:
            yield f"postgresql+psycopg://seqtag:{QUOTED_PASSWORD}@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def find_programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, None if it is not installed."""
    folders = [Path(p) for p in os.environ.get("PATH", "").split(os.pathsep) if p]
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((f for f in folders if (f / "initdb").exists() and (f / "pg_ctl").exists()), None)


def find_user() -> str | None:
    """Return a user who may run PostgreSQL: the current one, unless it is root."""
    if os.geteuid():
        return pwd.getpwuid(os.geteuid()).pw_name
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in known), None)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _log(folder: Path) -> str:
    log = folder / "log"
    return log.read_text() if log.exists() else ""
