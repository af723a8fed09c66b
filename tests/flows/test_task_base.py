"""Task defaults: which errors are retried, and names of failed states."""

import errno
import logging
import time
from uuid import UUID

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import State, StateType
from prefect.task_engine import TaskRunTimeoutError
from sqlalchemy.exc import DataError

from seqtag.errors import (
    BundleError,
    ConfigError,
    CorpusChangedError,
    CorpusFormatError,
    MemoryExhaustedError,
    PromotionConflictError,
    RegistryError,
    RunDirError,
    SubprocessCrashedError,
    SubprocessFailedError,
    SubprocessKilledError,
    TrainingError,
)
from tasks.base import step_task
from tasks.failures import is_transient, kind_of, map_errors_to_states


def registry_error(cause: Exception) -> RegistryError:
    error = RegistryError("registry: opening it")
    error.__cause__ = cause
    return error


def too_long() -> DataError:
    return DataError(
        "UPDATE model_versions", {}, ValueError("value too long for type character varying(5000)")
    )


def read_error(cause: Exception) -> RunDirError:
    error = RunDirError("weights.npz: file cannot be read")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        OSError("stale file handle"),
        ConnectionResetError(),
        TimeoutError(),
        registry_error(OSError("locked")),
        SubprocessKilledError("SIGKILL"),
        SubprocessCrashedError("SIGSEGV"),
        CorpusChangedError("x"),
    ],
)
def test_transient_errors_are_retried(error: Exception) -> None:
    assert is_transient(error)


@pytest.mark.parametrize(
    "error",
    [
        ConfigError("x"), CorpusFormatError("x"), TrainingError("x"), PromotionConflictError("x"),
        RegistryError("damaged"), TaskRunTimeoutError(), OSError(errno.ENOSPC, "disk full"),
        FileNotFoundError(), PermissionError(), ValueError("x"), MemoryError(), SubprocessFailedError("bug"),
        MemoryExhaustedError("x"), registry_error(OSError(errno.ENOSPC, "disk full")),
        BundleError("another format"), registry_error(MemoryError()), registry_error(too_long()),
    ],
)  # fmt: skip
def test_permanent_errors_fail_at_once(error: Exception) -> None:
    assert not is_transient(error)


def test_an_error_counts_like_its_cause() -> None:
    error = CorpusFormatError("bucket: timed out")
    error.__cause__ = TimeoutError()
    assert is_transient(error)
    error.__cause__ = FileNotFoundError()
    assert not is_transient(error)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConnectionResetError(), "TransientError"),
        (SubprocessKilledError("SIGKILL"), "TransientError"),
        (MemoryExhaustedError("x"), "ResourceError"),
        (OSError(errno.ENOSPC, "disk full"), "ResourceError"),
        (registry_error(OSError(errno.ENOSPC, "disk full")), "ResourceError"),
        (ConfigError("x"), "ConfigurationError"),
        (CorpusFormatError("x"), "DataError"),
        (TrainingError("x"), "DataError"),
        (PromotionConflictError("x"), "ConflictError"),
        (FileNotFoundError(errno.ENOENT, "gone"), "AccessError"),
        (registry_error(PermissionError(errno.EACCES, "shut")), "AccessError"),
        (RegistryError("damaged"), "DamageError"),
        (RunDirError("damaged"), "DamageError"),
        (BundleError("another format"), "DamageError"),
        (read_error(OSError(errno.EIO, "Input/output error")), "TransientError"),
        (read_error(MemoryError()), "ResourceError"),
        (registry_error(too_long()), "InternalError"),
        (ZeroDivisionError("x"), "InternalError"),
        (SubprocessFailedError("a bug"), "InternalError"),
    ],
)
def test_every_error_has_a_kind(error: Exception, kind: str) -> None:
    assert kind_of(error) == kind


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("error", "tries", "kind"),
    [
        (ConnectionError("slow"), 3, "TransientError"),
        (CorpusFormatError("x.conll:1"), 1, "DataError"),
        (MemoryExhaustedError("28 GB"), 1, "ResourceError"),
        (ZeroDivisionError("1 / 0"), 1, "InternalError"),
    ],
)
def test_prefect_retries_transient_errors_and_names_failures_by_kind(
    error: Exception, tries: int, kind: str
) -> None:
    made, met = [], []

    @step_task(name="step", timeout_seconds=60, delays=(0, 0))
    def failing() -> None:
        made.append(1)
        raise error

    @flow
    @map_errors_to_states
    def retrain() -> None:
        try:
            failing()
        except Exception as raised:
            met.append(raised)
            raise

    state = retrain(return_state=True)
    assert (len(made), state.type, state.name) == (tries, StateType.FAILED, kind)
    assert state.message == f"{type(error).__name__}: {error}"
    assert met == [error]
    recorded = finished_task_run(state.state_details.flow_run_id)
    assert (recorded.name, recorded.message) == (kind, state.message)


def test_secrets_in_urls_of_foreign_messages_are_masked(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("tasks.failures._log", logging.getLogger("seqtag"))  # Prefect's needs a flow run

    @map_errors_to_states
    def failing() -> None:
        raise ValueError("no answer from https://hunter2@host/x.conll?sig=hunter2")

    state = failing()
    assert state is not None
    assert state.message == "ValueError: no answer from https://***@host/x.conll?sig=***"
    assert "Traceback" in caplog.text
    assert "hunter2" not in caplog.text


def finished_task_run(flow_run_id: UUID) -> State:
    """Return the state of a flow run's only task run, once the server has recorded it."""
    in_flow = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_id]))
    with get_client(sync_client=True) as client:
        while True:
            runs = client.read_task_runs(flow_run_filter=in_flow)
            if runs and runs[0].state and runs[0].state.is_final():
                return runs[0].state
            time.sleep(0.05)
