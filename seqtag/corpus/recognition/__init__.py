"""Recognition of unknown files: their format, and the columns of tokens, tags and sequences."""

from seqtag.corpus.recognition.recognised_source import (
    Recognised,
    recognise,
    recognise_parallel,
    recognise_table,
)
from seqtag.corpus.recognition.roles import Chosen

__all__ = ["Chosen", "Recognised", "recognise", "recognise_parallel", "recognise_table"]
