"""The exceptions that seqtag raises on purpose.

    SeqtagError
      ConfigError                  the TOML file or an argument is wrong
      CorpusError                  the corpus cannot be used
        CorpusFormatError          a source does not have its declared format
          EncodingError            text is in another encoding than declared
        CorpusChangedError         a source was replaced while it was being read
        TagSchemeError             the tags contradict the tag scheme
        CorpusRejectedError        the corpus failed validation
      RunDirError                  a run directory is missing, damaged or incomplete
        BundleError                a bundle is damaged, incomplete or of another format
      TrainingError                training cannot continue
      SubprocessFailedError        a subprocess raised an unexpected error
        SubprocessKilledError      a subprocess died
          SubprocessCrashedError   a subprocess crashed because of the code it ran
        MemoryExhaustedError       a subprocess ran out of memory
      RegistryError                the model registry could not be read or written
        PromotionConflictError     the champion changed before the promotion

A message says what is wrong and where, then what was expected and found, then the fix.

Verdicts on models and corpora are kept and reused, so only permanent errors may lead to one; `is_permanent`
decides which errors are permanent. Any other error fails the task, which is then retried.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final


class SeqtagError(Exception):
    """Base class of all errors that seqtag raises on purpose."""


class ConfigError(SeqtagError):
    """An invalid configuration or argument; nothing has been read or written."""


class CorpusError(SeqtagError):
    """An unusable corpus."""


class CorpusFormatError(CorpusError):
    """A source that does not have its declared format; the message names file and line."""


class EncodingError(CorpusFormatError):
    """Text in another encoding than declared.

    Args:
        fault: what is wrong and where.
        advice: the fix in a tagger's file.
        encodings: that the text is probably in, the likeliest first.
    """

    def __init__(self, fault: str, advice: str = "", encodings: Sequence[str] = ()) -> None:
        super().__init__(f"{fault}; {advice}" if advice else fault)
        self.fault, self.encodings = fault, encodings


class CorpusChangedError(CorpusError):
    """A source that was replaced while it was being read; nothing of it was kept."""


class TagSchemeError(CorpusError):
    """Tags that contradict the tag scheme."""


class CorpusRejectedError(CorpusError):
    """A corpus that failed validation; the message names the rules that failed."""


class RunDirError(SeqtagError):
    """A missing, damaged or incomplete run directory."""

    @property
    def is_unreadable(self) -> bool:
        """True if a file exists but could not be read, which may be transient."""
        missing = (FileNotFoundError, NotADirectoryError)
        return isinstance(self.__cause__, OSError) and not isinstance(self.__cause__, missing)


class OtherVersionError(RunDirError):
    """A file of a run directory that another version of seqtag wrote."""


class BundleError(RunDirError):
    """A damaged or incomplete bundle, or one of another format; reading it again will not help."""


class TrainingError(SeqtagError):
    """A training that cannot continue."""


class SubprocessFailedError(SeqtagError):
    """A subprocess that raised an unexpected error; the message ends with its last lines of output."""


class SubprocessKilledError(SubprocessFailedError):
    """A subprocess that died; the message ends with its last lines of output."""


class SubprocessCrashedError(SubprocessKilledError):
    """A subprocess that crashed because of the code it ran, for example with a segmentation fault."""


class MemoryExhaustedError(SubprocessFailedError):
    """A subprocess that ran out of memory."""


class RegistryError(SeqtagError):
    """A failed read from, or write to, the model registry."""


class PromotionConflictError(RegistryError):
    """A champion that somebody else changed between the decision and the promotion."""


_CONTENT_ERRORS: Final = (  # raised by Python, NumPy and pyarrow on invalid file contents
    *(ValueError, TypeError, LookupError, ArithmeticError, AttributeError, NameError, AssertionError),
    *(SyntaxError, NotImplementedError, RecursionError),
)
_LIBRARY_ERRORS: Final = {  # by name, so that TensorFlow and protobuf need not be imported here
    *("InvalidArgumentError", "NotFoundError", "FailedPreconditionError", "UnimplementedError"),
    *("OutOfRangeError", "DecodeError"),
}
_MLFLOW_REJECTED: Final = "INVALID_PARAMETER_VALUE"  # MLflow's code for input that violates a signature


def is_permanent(error: BaseException) -> bool:
    """Return True if the data that was read caused an error, so that a retry would fail in the same way.

    Errors of memory, unreachable files, databases and killed processes are transient, as are all errors that
    are not listed here. An error with a transient cause is itself transient.

    >>> is_permanent(BundleError("another digest")), is_permanent(OSError(5, "Input/output error"))
    (True, False)
    """
    code = getattr(error, "error_code", None)  # of MLflow's exceptions, which wrap those of the model's code
    known = (
        isinstance(error, (BundleError, TagSchemeError, SubprocessCrashedError, *_CONTENT_ERRORS))
        or type(error).__name__ in _LIBRARY_ERRORS
        or code == _MLFLOW_REJECTED
    )
    if error.__cause__ is None:
        return known
    return (known or code is not None) and is_permanent(error.__cause__)
