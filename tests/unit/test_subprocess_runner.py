"""Subprocesses that may die without ending the parent."""

import errno
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seqtag.errors import (
    CorpusFormatError,
    MemoryExhaustedError,
    RegistryError,
    SubprocessCrashedError,
    SubprocessFailedError,
    SubprocessKilledError,
)
from seqtag.subprocess_runner import peak_memory, run_in_subprocess
from tests import children

CHECKOUT = Path(__file__).resolve().parents[2]


def test_a_function_is_called_in_another_process() -> None:
    assert run_in_subprocess(children.doubled, number=21) == 42
    answer = run_in_subprocess(children.described, text="ä\u2028\n", none=None)
    assert answer["arguments"] == {"text": "ä\u2028\n", "none": None}
    assert answer["pid"] != os.getpid()


def test_its_log_records_arrive_at_the_level_of_the_parent(caplog) -> None:
    with caplog.at_level(logging.INFO, "seqtag"):
        run_in_subprocess(children.described)
    assert caplog.record_tuples == [("seqtag.somewhere", logging.INFO, "two of 3")]


def test_its_messages_arrive_in_order() -> None:
    told = []
    run_in_subprocess(children.telling, on_message=told.append, n=3)
    assert told == [{"number": 0}, {"number": 1}, {"number": 2}]


def test_an_error_of_seqtag_is_raised_unchanged() -> None:
    with pytest.raises(CorpusFormatError, match=r"^x\.conll:3: tag is missing$"):
        run_in_subprocess(children.raising_ours)


def test_an_os_error_is_raised_unchanged_also_as_a_cause(tmp_path) -> None:
    with pytest.raises(FileNotFoundError) as raised:
        run_in_subprocess(children.opening, path=str(tmp_path / "nothing"))
    assert raised.value.filename == str(tmp_path / "nothing")
    with pytest.raises(RegistryError, match="opening it") as caused:
        run_in_subprocess(children.raising_from_the_file_system)
    assert isinstance(caused.value.__cause__, FileNotFoundError)


def test_a_network_error_without_errno_is_raised_unchanged() -> None:
    with pytest.raises(TimeoutError, match="no answer within 10 s"):
        run_in_subprocess(children.timing_out)


def test_any_other_error_is_reported_with_the_last_lines() -> None:
    with pytest.raises(SubprocessFailedError, match="raising_a_bug: ZeroDivisionError: 1 / 0") as raised:
        run_in_subprocess(children.raising_a_bug)
    assert "in raising_a_bug" in str(raised.value)
    assert type(raised.value) is SubprocessFailedError


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT, signal.SIGTERM])
def test_a_death_is_an_error_that_names_the_signal_and_the_last_lines(by: signal.Signals) -> None:
    with pytest.raises(SubprocessKilledError, match=f"died of {by.name}") as raised:
        run_in_subprocess(children.killed, by=int(by))
    assert "about to die" in str(raised.value)


@pytest.mark.parametrize(
    ("by", "is_crash"),
    [(signal.SIGSEGV, True), (signal.SIGABRT, True), (signal.SIGILL, True), (signal.SIGFPE, True),
     (signal.SIGKILL, False), (signal.SIGTERM, False), (signal.SIGBUS, False)],
)  # fmt: skip
def test_only_a_fault_of_the_code_is_a_crash(by: signal.Signals, is_crash: bool) -> None:
    with pytest.raises(SubprocessKilledError) as raised:
        run_in_subprocess(children.killed, by=int(by))
    assert isinstance(raised.value, SubprocessCrashedError) == is_crash


def test_an_exit_without_a_result_is_an_error() -> None:
    with pytest.raises(SubprocessKilledError, match="ended with status 0"):
        run_in_subprocess(children.ended, status=0)


def test_memory_exhaustion_has_a_separate_error() -> None:
    with pytest.raises(MemoryExhaustedError, match="MemoryError"):
        run_in_subprocess(children.taking_memory, n_bytes=2**60)
    with pytest.raises(MemoryExhaustedError, match=r"(?s)SIGABRT.*bad_alloc"):
        run_in_subprocess(children.aborting_for_memory)
    of_glibc = "cannot allocate memory for thread-local data: ABORT\n"  # if a thread cannot be created
    with pytest.raises(MemoryExhaustedError, match="status 127"):
        run_in_subprocess(children.ended, status=127, said=of_glibc)


def test_a_full_disk_is_no_lack_of_memory() -> None:
    with pytest.raises(OSError, match="No space left on device") as caught:
        run_in_subprocess(children.without_space)
    assert caught.value.errno == errno.ENOSPC


def test_a_child_dies_with_its_killed_parent(tmp_path) -> None:
    started = tmp_path / "pid"
    parent = subprocess.Popen(
        [sys.executable, "-c", f"from tests.children import parent; parent({str(started)!r})"],
        cwd=CHECKOUT,
    )
    while not started.exists() or not started.read_text():
        assert parent.poll() is None
        time.sleep(0.01)
    child = int(started.read_text())
    parent.kill()
    parent.wait()
    while Path(f"/proc/{child}").exists() and " Z " not in Path(f"/proc/{child}/stat").read_text():
        time.sleep(0.01)  # ends by itself, or with the test's time limit


def test_a_child_that_dies_before_it_reads_its_arguments_is_reported(monkeypatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(SubprocessKilledError, match="ended with status 1"):
        run_in_subprocess(children.described, text=2**20 * "x")  # more than a pipe holds


def test_peak_memory_counts_bytes() -> None:
    assert 10 * 1024**2 < peak_memory() < 1024**4
