"""seqtag: scheduled retraining of sequence taggers."""

__version__ = "0.1.0"
