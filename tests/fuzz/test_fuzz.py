"""Mutated files are either read or refused by a `SeqtagError` that names the place; no reader hangs."""

import sys

import pytest

from seqtag.subprocess_runner import run_in_subprocess
from tests.fuzz.feeding import feed
from tests.fuzz.targets import TARGETS

A_FEW = 150
MANY = 6_000  # for each target: more than 100,000 in total


@pytest.mark.parametrize("target", TARGETS)
def test_a_few_mutated_files_are_read_or_refused(target: str) -> None:
    outcome = run_in_subprocess(feed, target=target, first=0, n=A_FEW)
    assert outcome["findings"] == []
    assert outcome["read"] + outcome["refused"] == A_FEW
    assert outcome["refused"] > 0


@pytest.mark.fuzz
@pytest.mark.parametrize("target", TARGETS)
def test_many_mutated_files_are_read_or_refused(target: str, capsys) -> None:
    outcome = run_in_subprocess(feed, target=target, first=A_FEW, n=MANY)
    with capsys.disabled():
        sys.stdout.write(f"\n  {target}: {outcome['read']:,} read, {outcome['refused']:,} refused ")
    assert outcome["findings"] == []
    assert outcome["read"] + outcome["refused"] == MANY


def test_more_than_100_000_files_are_fed() -> None:
    assert MANY * len(TARGETS) > 100_000
