"""Predicted spans of tagged sequences, with their confidences."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from seqtag.config import SchemeName
from seqtag.tagging.ragged import flatten, relist
from seqtag.tagging.spans import spans_of

SPANS = pa.list_(
    pa.struct({"type": pa.string(), "start": pa.int64(), "stop": pa.int64(), "confidence": pa.float32()})
)


def predicted_spans(predicted: pa.ListArray, confidence: pa.ListArray, scheme: SchemeName) -> pa.ListArray:
    """Return the spans of each sequence as `SPANS`, the tokens `[start, stop)`; none without a scheme.

    Args:
        predicted: list<string>, the predicted tags.
        confidence: list<float32>, for each token that of the span that contains it.
        scheme: that of the tags.
    """
    if scheme == "none":
        return pa.array([[]] * len(predicted), SPANS)
    found = spans_of(predicted, scheme, mode="conlleval")
    of_tokens, offsets = flatten(confidence)
    begins = offsets[found.sequence] + found.start
    counts = np.bincount(found.sequence, minlength=len(predicted))
    columns = (
        pa.array(found.types, pa.string()).take(pa.array(found.type_id)),
        pa.array(found.start),
        pa.array(found.stop),
        of_tokens.take(pa.array(begins)),
    )
    spans = pa.StructArray.from_arrays(columns, fields=list(SPANS.value_type))
    return relist(spans, np.append(0, np.cumsum(counts)))
