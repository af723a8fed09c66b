"""The neural tagger: training, bundles and tagging. The only door to TensorFlow, which is opened late."""

from seqtag.neural.bundle import Bundle, read_bundle
from seqtag.neural.checkpoints import Checkpoints
from seqtag.neural.loop import LossError
from seqtag.neural.predictions import write_predictions
from seqtag.neural.progress import EpochRecord
from seqtag.neural.tagger import Tagged, Tagger
from seqtag.neural.training import epoch_line, train

__all__ = [
    "Bundle",
    "Checkpoints",
    "EpochRecord",
    "LossError",
    "Tagged",
    "Tagger",
    "epoch_line",
    "read_bundle",
    "train",
    "write_predictions",
]
