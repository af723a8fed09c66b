"""What is tried again and what fails at once."""

import errno

import pytest
from prefect import flow, task
from prefect.task_engine import TaskRunTimeoutError

from seqtag.errors import (
    ConfigError,
    CorpusFormatError,
    PromotionConflictError,
    RegistryError,
    TrainingError,
)
from tasks.policy import RETRIED, is_transient


def registry_error(cause: Exception) -> RegistryError:
    error = RegistryError("registry: opening it")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [OSError("stale file handle"), ConnectionResetError(), TimeoutError(), registry_error(OSError("locked"))],
)
def test_what_may_pass_by_itself_is_tried_again(error: Exception) -> None:
    assert is_transient(error)


@pytest.mark.parametrize(
    "error",
    [
        ConfigError("x"), CorpusFormatError("x"), TrainingError("x"), PromotionConflictError("x"),
        RegistryError("damaged"), TaskRunTimeoutError(), OSError(errno.ENOSPC, "disk full"),
        FileNotFoundError(), PermissionError(), ValueError("x"), MemoryError(),
    ],
)  # fmt: skip
def test_what_stays_wrong_fails_at_once(error: Exception) -> None:
    assert not is_transient(error)


def test_an_error_counts_like_its_cause() -> None:
    error = CorpusFormatError("bucket: timed out")
    error.__cause__ = TimeoutError()
    assert is_transient(error)
    error.__cause__ = FileNotFoundError()
    assert not is_transient(error)


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("error", "tries"), [(ConnectionError("slow"), 3), (CorpusFormatError("x.conll:1"), 1)]
)
def test_prefect_tries_again_what_may_pass_and_nothing_else(error: Exception, tries: int) -> None:
    made = []

    @task(**{**RETRIED, "retries": 2, "retry_delay_seconds": [0, 0]})
    def step() -> None:
        made.append(1)
        raise error

    @flow
    def night() -> None:
        step()

    state = night(return_state=True)
    assert (len(made), state.is_failed()) == (tries, True)
    assert f"{type(error).__name__}: {error}" in state.message
