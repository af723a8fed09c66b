"""Recognition of unknown files: their format, and the columns of tokens, tags and sequences."""

from seqtag.corpus.recognition.order_advice import order_advice
from seqtag.corpus.recognition.recognised import Recognised
from seqtag.corpus.recognition.recognised_source import recognise, recognise_parallel
from seqtag.corpus.recognition.roles import Chosen
from seqtag.corpus.recognition.row_formats import recognise_table

__all__ = ["Chosen", "Recognised", "order_advice", "recognise", "recognise_parallel", "recognise_table"]
