"""Predicted spans of tagged sequences, with their confidences."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from seqtag.config import SchemeName
from seqtag.neural.inference.tagger import Tagged
from seqtag.tagging.ragged import flatten, relist
from seqtag.tagging.spans import spans_of

SPANS = pa.list_(
    pa.struct({"type": pa.string(), "start": pa.int64(), "stop": pa.int64(), "confidence": pa.float32()})
)


def predicted_spans(tagged: Tagged, scheme: SchemeName) -> pa.ListArray:
    """Return the spans of each sequence as `SPANS`, the tokens `[start, stop)`; none without a scheme.

    Args:
        scheme: that of the predicted tags.
    """
    if scheme == "none":
        return pa.array([[]] * len(tagged.predicted), SPANS)
    found = spans_of(tagged.predicted, scheme, mode="conlleval")
    confidence, offsets = flatten(tagged.span_confidence)
    begins = offsets[found.sequence] + found.start
    counts = np.bincount(found.sequence, minlength=len(tagged.predicted))
    columns = (
        pa.array(found.types, pa.string()).take(pa.array(found.type_id)),
        pa.array(found.start),
        pa.array(found.stop),
        confidence.take(pa.array(begins)),
    )
    spans = pa.StructArray.from_arrays(columns, fields=list(SPANS.value_type))
    return relist(spans, np.append(0, np.cumsum(counts)))
