"""XES event logs."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from seqtag.config.source_config import XesSource
from seqtag.corpus.files import find_files
from seqtag.corpus.formats.xes import xes_rows
from seqtag.corpus.recognition import Chosen, recognise
from seqtag.corpus.source_report import SourceReport, warning_sentences
from seqtag.errors import CorpusFormatError

XES = {"format": "xes", "tag_column": "phase"}


def event(name: str, phase: str | None = None, more: str = "") -> str:
    tag = "" if phase is None else f'<string key="phase" value="{phase}"/>'
    return f'<event><string key="concept:name" value="{name}"/>{tag}{more}</event>'


def trace(name: str, *events: str, more: str = "") -> str:
    return f'<trace><string key="concept:name" value="{name}"/>{more}{"".join(events)}</trace>'


def log(*traces: str, more: str = "") -> str:
    return f'<log xmlns="http://www.xes-standard.org/">{more}{"".join(traces)}</log>'


def at(minute: int) -> str:
    return f'<date key="time:timestamp" value="2026-11-01T09:{minute:02}:00.000+01:00"/>'


def test_a_trace_is_a_sequence_and_an_event_a_token(read, content):
    text = log(
        trace("7", event("search", "browse"), event("pay &amp; go", "buy")),
        trace("8", event("home", "browse"), more='<string key="region" value="EU"/>'),
        more='<global scope="event"><string key="phase" value="none"/></global>',
    )
    rows = read(text, columns=["case:region"], **XES)

    assert content(rows) == [(["search", "pay & go"], ["browse", "buy"]), (["home"], ["browse"])]
    assert [(row["sequence_id"], row["case:region"]) for row in rows] == [("7", None), ("8", "EU")]


def test_attributes_within_attributes_are_left_out(read, content):
    inner = '<string key="x" value="1"><string key="phase" value="wrong"/></string>'
    assert content(read(log(trace("7", event("a", "X", inner))), **XES)) == [(["a"], ["X"])]


def test_events_are_sorted_by_time_if_declared(read, content):
    text = log(trace("7", event("b", "X", at(9)), event("a", "Y", at(5))))
    assert content(read(text, **XES)) == [(["b", "a"], ["X", "Y"])]
    assert content(read(text, order_column="time:timestamp", **XES)) == [(["a", "b"], ["Y", "X"])]


def test_an_event_without_a_tag_is_untagged_and_one_without_a_time_breaks_its_sequence(read):
    text = log(trace("7", event("a", "X", at(1)), event("b", None, at(2))), "\n", trace("8", event("c", "X")))
    rows = read(text, order_column="time:timestamp", **XES)
    assert [(row["tags"], row["defect"]) for row in rows] == [
        (["X", None], None),
        (["X"], "corpus.txt:2: the order is missing in column 'time:timestamp'"),
    ]


def test_traces_without_events_are_counted(report):
    assert report(log(trace("7"), trace("8", event("a", "X"))), **XES).changed == {
        "traces without events skipped": 1
    }


def test_events_outside_traces_are_left_out_with_a_warning(report):
    text = log("\n", event("x", "X"), trace("7", event("a", "X")), event("y", "X"))

    found = report(text, **XES)

    assert found.n_sequences == 1
    (sentence,) = warning_sentences(found)
    assert sentence.startswith("corpus.txt:2: event is outside traces, and was left out: expected each in")
    assert sentence.endswith(" (the first of 2 such places)")


def test_a_repeated_attribute_is_named(read, report, content):
    twice = '\n<string key="phase" value="Y"/>'
    text = log(trace("7", event("a", "X", twice), more='<string key="concept:name" value="8"/>'))

    assert content(read(text, **XES)) == [(["a"], ["Y"])]
    sentences = warning_sentences(report(text, **XES))
    assert [sentence.partition(" its last value was read")[0] for sentence in sentences] == [
        "corpus.txt:1: attribute 'concept:name' is repeated in the trace:",
        "corpus.txt:2: attribute 'phase' is repeated in the event:",
    ]


def test_places_are_lines_also_in_several_files(tmp_path, read_rows):
    (tmp_path / "a.xes").write_text(log("\n", trace("7", event("a", "X"))))
    (tmp_path / "b.xes").write_text(log(trace("8", event("a", "X")), "\n\n", trace("", event("a", "X"))))
    rows = read_rows({"path": f"{tmp_path}/*.xes", **XES})
    missing = "the sequence id is missing in column 'case:concept:name'"
    assert [row["defect"] for row in rows] == [None, None, f"b.xes:3: {missing}"]


def test_compressed_logs_in_the_encoding_that_they_declare_are_read(read, content):
    text = f'<?xml version="1.0" encoding="UTF-16"?>{log(trace("7", event("Ü", "X")))}'
    rows = read(gzip.compress(text.encode("utf-16")), name="a.xes.gz", **XES)
    assert content(rows) == [(["Ü"], ["X"])]


def test_entities_are_refused(read):
    entities = '<!DOCTYPE log [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>\n'
    with pytest.raises(CorpusFormatError, match=r"txt:1: file has a document type declaration"):
        read(entities + log(trace("7", event("&b;", "X"))), **XES)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (log(trace("7", event("a", "X")))[:-20], r"corpus\.txt:1: file is no XML from here on"),
        ("a\tX\n", r"corpus\.txt:1: file is no XML from here on"),
        ("<html></html>", r"corpus\.txt:1: file is no XES: expected the element 'log', got 'html'"),
        (
            log(trace("7", event("a"))),
            r"txt: column 'phase' is missing: .*'concept:name'.* tag_column",
        ),
        ("<log/>", r"corpus\.txt: no event found"),
    ],
)
def test_a_file_that_is_no_labelled_log_is_an_error(text, said, read):
    with pytest.raises(CorpusFormatError, match=said):
        read(text, **XES)


def test_rows_are_yielded_before_the_log_ends(tmp_path):
    path = tmp_path / "a.xes"
    path.write_text(log(*(trace(str(n), event("a" * 1000, "X")) for n in range(1000))))
    source = XesSource(path=str(path), **XES)
    batches = [
        batch.num_rows
        for batch in xes_rows(source, find_files(str(path))[0], (), SourceReport(), batch_rows=10)
    ]
    assert sum(batches) == 1000
    assert set(batches) == {10}


@pytest.mark.parametrize(
    ("head", "is_xes"),
    [
        ("", True),
        ('\ufeff<?xml version="1.0"?>\n<!-- by <ProM> -->\n', True),
        ("<html>", False),
        ("<!-- a --> " * 200 + "<html>", False),
    ],
    ids=["bare", "declared", "another element", "comments"],
)
def test_a_log_is_recognised_by_its_first_element(head, is_xes, tmp_path):
    path = tmp_path / "a.xml"
    path.write_text(head + log(trace("7", event("a", "X", at(1)), event("b", "Y", at(2)))))
    assert recognition_of(path) == ({"format": "xes", "tag_column": "phase"} if is_xes else None)


def recognition_of(path: Path) -> object:
    try:
        return recognise(find_files(str(path))[0], Chosen()).keys
    except CorpusFormatError:
        return None
