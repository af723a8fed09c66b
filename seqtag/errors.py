"""Every exception that seqtag raises on purpose.

    SeqtagError
      ConfigError                  the TOML file or an argument is wrong
      CorpusError
        CorpusFormatError          a source cannot be read as what it was declared to be
        CorpusChangedError         a source was replaced while it was read
        TagSchemeError             tags and tag scheme contradict each other
        CorpusRejectedError        the corpus was read, and validation refused it
      RunDirError                  a run directory is missing, damaged or half-written
        BundleError                a bundle is damaged, incomplete or of another format
      TrainingError                training cannot go on
      SubprocessFailedError                   a process that we began met an error that is not ours
        SubprocessKilledError             it died
          SubprocessCrashedError        of a fault in the code that it ran
        MemoryExhaustedError       there was not memory enough for it
      RegistryError                the model registry could not be read or written
        PromotionConflictError     somebody else moved the champion in the meantime

A message says what was required, what came, and where.

A verdict on a model or a corpus is kept and reused, so it may rest on lasting errors only. `is_permanent` is
the one list of them. Any other error fails the task, which is then tried again.
"""

from __future__ import annotations

from typing import Final


class SeqtagError(Exception):
    """Base of all errors that seqtag raises on purpose."""


class ConfigError(SeqtagError):
    """A configuration or an argument is wrong; nothing has been read or written."""


class CorpusError(SeqtagError):
    """The corpus cannot be used."""


class CorpusFormatError(CorpusError):
    """A source is not what its configuration says; the message names file and line."""


class CorpusChangedError(CorpusError):
    """A source was replaced while it was read; nothing of it was kept."""


class TagSchemeError(CorpusError):
    """Tags and tag scheme contradict each other."""


class CorpusRejectedError(CorpusError):
    """Validation refused the corpus; the message names the rules that failed."""


class RunDirError(SeqtagError):
    """A run directory is missing, damaged or half-written."""


class BundleError(RunDirError):
    """A bundle is damaged, incomplete or of another format; reading it again meets the same."""


class TrainingError(SeqtagError):
    """Training cannot go on."""


class SubprocessFailedError(SeqtagError):
    """A process that we began met an error that is not ours; the message has its last lines."""


class SubprocessKilledError(SubprocessFailedError):
    """A process that we began died; the message has its last lines."""


class SubprocessCrashedError(SubprocessKilledError):
    """A process that we began died of a fault in the code that it ran, such as a segmentation fault."""


class MemoryExhaustedError(SubprocessFailedError):
    """There was not memory enough for a process that we began."""


class RegistryError(SeqtagError):
    """The model registry could not be read or written."""


class PromotionConflictError(RegistryError):
    """The champion was moved by somebody else between the decision and the promotion."""


_OF_CONTENT: Final = (  # what Python, NumPy and pyarrow raise where bytes that were read make no sense
    *(ValueError, TypeError, LookupError, ArithmeticError, AttributeError, NameError, AssertionError),
    *(SyntaxError, NotImplementedError, RecursionError),
)
_OF_LIBRARIES: Final = {  # by name: TensorFlow's, and protobuf's DecodeError, are not imported here
    *("InvalidArgumentError", "NotFoundError", "FailedPreconditionError", "UnimplementedError"),
    *("OutOfRangeError", "DecodeError"),
}
_REFUSED_BY_MLFLOW: Final = "INVALID_PARAMETER_VALUE"  # its error code for what a model's signature refuses


def is_permanent(error: BaseException) -> bool:
    """Tell whether an error comes from what was read, so that trying again would meet it again.

    Memory, files that cannot be reached, databases, killed processes and all that is not known here may pass.
    An error counts as passing if one of its causes does.

    >>> is_permanent(BundleError("another digest")), is_permanent(OSError(5, "Input/output error"))
    (True, False)
    """
    code = getattr(error, "error_code", None)  # of MLflow's exceptions, which wrap those of a model's code
    known = (
        isinstance(error, (BundleError, TagSchemeError, SubprocessCrashedError, *_OF_CONTENT))
        or type(error).__name__ in _OF_LIBRARIES
        or code == _REFUSED_BY_MLFLOW
    )
    if error.__cause__ is None:
        return known
    return (known or code is not None) and is_permanent(error.__cause__)
