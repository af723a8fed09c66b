"""The acting user as recorded in the ledger."""

from __future__ import annotations

import os
import pwd
import socket
from datetime import UTC, datetime

import pytest

from seqtag.steps import audit_context

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_claimed_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def name() -> str:
    return pwd.getpwuid(os.getuid()).pw_name


def _who() -> str:
    return audit_context("a test", NOW).who.removesuffix(f"@{socket.gethostname()}")


def test_the_user_is_looked_up_by_user_id(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _who() == name
    monkeypatch.setenv("LOGNAME", name)
    assert _who() == name


@pytest.mark.parametrize("variable", ["LOGNAME", "USER", "LNAME", "USERNAME"])
def test_a_different_name_in_the_environment_is_recorded_as_a_claim(
    name: str, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "alice")
    assert _who() == f"{name} ({variable} says alice)"


def test_a_claim_is_shortened_and_kept_on_one_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "alice\n\x1b[2J" + "e" * 1000)
    who = _who()
    assert who.startswith(f"{name} (USER says alice[2Jeee")
    assert who.isprintable()
    assert len(who) < 100 + len(name)


def test_a_user_id_without_a_name_is_shown_as_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 1_234_567)
    assert _who() == "1234567"
    monkeypatch.setenv("LOGNAME", "alice")
    assert _who() == "1234567 (LOGNAME says alice)"
