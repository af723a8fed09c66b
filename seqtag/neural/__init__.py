"""The neural tagger: training, bundles and inference. The only package that imports TensorFlow, lazily."""

from seqtag.neural.export.bundle import read_bundle
from seqtag.neural.inference.predicted_spans import predicted_spans
from seqtag.neural.inference.prediction_writer import write_predictions
from seqtag.neural.inference.tagged_part import TaggedCounts, write_tagged_part
from seqtag.neural.inference.tagger import Tagged, Tagger
from seqtag.neural.training.checkpoints import Checkpoints
from seqtag.neural.training.fit_tagger import epoch_line, train
from seqtag.neural.training.training_data import TagColumn
from seqtag.neural.training.training_loop import LossError

__all__ = [
    "Checkpoints",
    "LossError",
    "TagColumn",
    "Tagged",
    "TaggedCounts",
    "Tagger",
    "epoch_line",
    "predicted_spans",
    "read_bundle",
    "train",
    "write_predictions",
    "write_tagged_part",
]
