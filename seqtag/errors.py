"""Every exception that seqtag raises on purpose.

    SeqtagError
      ConfigError                  the TOML file or an argument is wrong
      CorpusError
        CorpusFormatError          a source cannot be read as what it was declared to be
        CorpusChangedError         a source was replaced while it was read
        TagSchemeError             tags and tag scheme contradict each other
        CorpusRejectedError        the corpus was read, and validation refused it
      RunDirError                  a run directory is missing, damaged or half-written
      TrainingError                training cannot go on
      ChildError                   a process that we began met an error that is not ours
        ChildDiedError             it died
        MemoryExhaustedError       there was not memory enough for it
      RegistryError                the model registry could not be read or written
        PromotionConflictError     somebody else moved the champion in the meantime

A message says what was required, what came, and where.
"""


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


class TrainingError(SeqtagError):
    """Training cannot go on."""


class ChildError(SeqtagError):
    """A process that we began met an error that is not ours; the message has its last lines."""


class ChildDiedError(ChildError):
    """A process that we began died; the message has its last lines."""


class MemoryExhaustedError(ChildError):
    """There was not memory enough for a process that we began."""


class RegistryError(SeqtagError):
    """The model registry could not be read or written."""


class PromotionConflictError(RegistryError):
    """The champion was moved by somebody else between the decision and the promotion."""
