"""Labelled spans of characters as annotation tools write them, and the IOB2 tags of tokens."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple, TypeGuard

from seqtag.corpus.formats.json_objects import is_text
from seqtag.corpus.formats.tokenisation import Bounds

_STARTS = ("start", "start_offset")
_STOPS = ("end", "end_offset")


class Annotation(NamedTuple):
    """A labelled span at `[start, stop)`, in code points; `text` is what the tool noted there, if it did."""

    start: int
    stop: int
    label: str
    text: str | None = None


def annotations_in(value: object) -> list[Annotation] | str | None:
    """Return the spans of an object, None if it has not been annotated, or its defect.

    A span is `[start, end, label]`, or an object with `start` and `end`, or `start_offset` and `end_offset`,
    and `label` or `labels`, possibly within `value`. In a list of annotations with a `result`, as Label
    Studio writes it, the first that was not cancelled counts. Results without labels, such as relations, are
    no spans.

    >>> annotations_in([[0, 3, "PER"]])
    [Annotation(start=0, stop=3, label='PER', text=None)]
    >>> annotations_in([{"result": [{"value": {"start": 0, "end": 3, "labels": ["PER"], "text": "Ada"}}]}])
    [Annotation(start=0, stop=3, label='PER', text='Ada')]
    >>> annotations_in([[0, 3]])
    'span is not understood: expected start, end and label, got [0, 3]; correct the line'
    """
    if value is None:
        return None
    if not isinstance(value, list):
        return f"spans are no array: expected one, got {value!r:.80}; correct the line"
    results = results_in(value)
    if results is not None:
        return [] if results == [] else annotations_in(results[0])
    found = []
    for each in value:
        span = _annotation(each)
        if isinstance(span, str):
            return span
        if span is not None:
            found.append(span)
    return found


def results_in(value: object) -> list[object] | None:
    """Return the results of annotations that were not cancelled; None if the value is something else."""
    if not isinstance(value, list) or not value:
        return None
    if not all(isinstance(each, dict) and "result" in each for each in value):
        return None
    return [each["result"] for each in value if not each.get("was_cancelled")]


def given_bounds(value: object, text: str) -> Bounds | str:
    """Return where the tokens of an object start and stop, or its defect; tokens of whitespace are left out.

    A token is an object with `start` and `end`, as spaCy and Prodigy write it.
    """
    if not isinstance(value, list):
        return f"tokens are no array of objects: expected one, got {value!r:.80}; set tokenise to a rule"
    bounds: Bounds = []
    before = 0
    for each in value:
        start, stop = (each.get("start"), each.get("end")) if isinstance(each, dict) else (None, None)
        if not _is_whole(start) or not _is_whole(stop) or not before <= start < stop <= len(text):
            return (
                f"token is not understood: expected start and end from {before} to {len(text)}, after the "
                f"token before, got {each!r:.80}; correct the line"
            )
        differs = _differs(each.get("text"), text[start:stop])
        if differs:
            return f"token [{start}, {stop}) {differs}"
        before = stop
        if not text[start:stop].isspace():
            bounds.append((start, stop))
    return bounds


def iob2(text: str, bounds: Bounds, spans: list[Annotation]) -> list[str] | str:
    """Return the tag of each token, or the first defect of the spans.

    >>> iob2("Ada spoke", [(0, 3), (4, 9)], [Annotation(0, 3, "PER")])
    ['B-PER', 'O']
    >>> iob2("Ada spoke", [(0, 3), (4, 9)], [Annotation(0, 6, "PER")])
    "span 'Ada sp' [0, 6) PER fits no tokens: no token ends at 6, the nearest end at 3 and 9"
    """
    tags = ["O"] * len(bounds)
    firsts = {start: token for token, (start, _) in enumerate(bounds)}
    lasts = {stop: token for token, (_, stop) in enumerate(bounds)}
    before: Annotation | None = None
    for span in sorted(spans, key=lambda each: (each.start, each.stop)):
        first, last = firsts.get(span.start), lasts.get(span.stop)
        wrong = _wrong(span, text)
        if wrong:
            return f"{shown_span(span, text)} {wrong}"
        if before is not None and span.start < before.stop:
            other = shown_span(before, text)
            return f"{shown_span(span, text)} overlaps {other}: expected disjoint spans; remove one"
        if first is None or last is None:
            return f"{shown_span(span, text)} fits no tokens: {'; '.join(_misfits(span, bounds))}"
        tags[first : last + 1] = [f"B-{span.label}", *[f"I-{span.label}"] * (last - first)]
        before = span
    return tags


def shown_span(span: Annotation, text: str) -> str:
    """Return a span as messages name it: its text, where it is, and its label."""
    shown = text[max(span.start, 0) : max(span.stop, 0)]
    return f"span {shown[:60]!r} [{span.start}, {span.stop}) {span.label}"


def _annotation(value: object) -> Annotation | str | None:
    match value:
        case [start, stop, label]:
            text = None
        case {"value": dict(inner)}:
            return _annotation(inner) if "start" in inner else None
        case {"type": "relation"}:
            return None
        case {"labels": [label], **fields} | {"labels": str(label), **fields} | {"label": label, **fields}:
            start, stop = (
                next((fields[key] for key in keys if key in fields), None) for keys in (_STARTS, _STOPS)
            )
            text = fields.get("text")
        case _:
            start = stop = label = text = None
    if not (_is_whole(start) and _is_whole(stop) and isinstance(label, str) and is_text(label)):
        return f"span is not understood: expected start, end and label, got {value!r:.80}; correct the line"
    if not label.strip():
        return f"span has no label: expected a name, got {value!r:.80}; correct the line"
    return Annotation(start, stop, label, text if isinstance(text, str) else None)


def _is_whole(value: object) -> TypeGuard[int]:
    return type(value) is int  # a bool is not


def _wrong(span: Annotation, text: str) -> str:
    """Return what is wrong with a span, apart from its tokens; "" if nothing is."""
    if span.stop <= span.start:
        return "is empty: expected an end after the start; correct the line"
    if span.start < 0 or span.stop > len(text):
        return f"exceeds the text: expected 0 to {len(text)} characters; correct the line"
    return _differs(span.text, text[span.start : span.stop])


def _differs(noted: object, found: str) -> str:
    """Return that a text noted by a tool is not that at its offsets; "" if it is, apart from whitespace."""
    if not isinstance(noted, str) or noted == found or noted.split() == found.split():
        return ""
    return (
        f"has another text: expected {noted[:60]!r}, got {found[:60]!r} there; offsets have to count Unicode "
        "code points, not bytes or the UTF-16 units of JavaScript"
    )


def _misfits(span: Annotation, bounds: Bounds) -> Iterator[str]:
    for side, place, edge in ((0, span.start, "start"), (1, span.stop, "end")):
        places = [each[side] for each in bounds]
        right = bisect_left(places, place)
        if place not in places[right : right + 1]:
            near = [str(each) for each in places[max(right - 1, 0) : right + 1]]
            yield f"no token {edge}s at {place}, the nearest {edge} at {' and '.join(near) or 'none'}"
