"""CRFsuite baseline for the neural tagger. The only package that imports `pycrfsuite`, and lazily."""

from seqtag.baseline.crfsuite import Algorithm, BaselineFacts, write_baseline

__all__ = ["Algorithm", "BaselineFacts", "write_baseline"]
