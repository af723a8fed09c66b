"""CRFsuite as a baseline for the neural tagger. The only door to `pycrfsuite`, which is opened late."""

from seqtag.baseline.crfsuite import Algorithm, BaselineFacts, write_baseline

__all__ = ["Algorithm", "BaselineFacts", "write_baseline"]
