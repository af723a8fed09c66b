"""What is tried again and what fails at once."""

import pytest

from seqtag.errors import (
    ConfigError,
    CorpusFormatError,
    PromotionConflictError,
    RegistryError,
    TrainingError,
)
from tasks.policy import is_transient


@pytest.mark.parametrize(
    "error", [OSError("stale file handle"), ConnectionResetError(), TimeoutError(), RegistryError("locked")]
)
def test_what_may_pass_by_itself_is_tried_again(error: Exception) -> None:
    assert is_transient(error)


@pytest.mark.parametrize(
    "error",
    [
        ConfigError("x"), CorpusFormatError("x"), TrainingError("x"), PromotionConflictError("x"),
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
