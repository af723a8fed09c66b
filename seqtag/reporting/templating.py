"""Templates of HTML pages: the environment with filters for numbers and sentences."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from seqtag import formatting
from seqtag.corpus import assumptions, changes, warning_sentences
from seqtag.reporting import corpus_differences, sentences
from seqtag.reporting.plots import FEWEST_IN_BIN
from seqtag.reporting.svg_axes import difference_axis, share_axis

_TEMPLATES = Path(__file__).parent / "templates"


@cache
def environment() -> Any:
    """Return the Jinja environment; values are escaped, and a missing one is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "percent": formatting.percent,
        "percent_range": formatting.percent_range,
        "points": formatting.points,
        "points_range": formatting.points_range,
        "level": formatting.level,
        "count": formatting.count,
        "distance": formatting.distance,
        "distance_range": formatting.distance_range,
        "sentence": formatting.sentence,
        "assumptions": assumptions,
        "changes": changes,
        "warning_sentences": warning_sentences,
    }
    templates.globals |= {
        "plural": formatting.plural,
        "left_out": sentences.left_out,
        "documents_sentence": corpus_differences.documents_sentence,
        "source_rows": corpus_differences.source_rows,
        "type_rows": corpus_differences.type_rows,
        "unchanged_types": corpus_differences.unchanged_types,
        "share_axis": share_axis,
        "difference_axis": difference_axis,
        "baseline_label": sentences.baseline_label,
        "baseline_sentence": sentences.baseline_sentence,
        "fewest_in_bin": FEWEST_IN_BIN,
    }
    return templates
