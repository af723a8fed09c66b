"""Reader of XES event logs (IEEE 1849): traces of events, each with attributes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from xml.parsers import expat

import pyarrow as pa

from seqtag.config.source_config import XesSource
from seqtag.corpus.files import InputFile, opened
from seqtag.corpus.formats.long import wanted_columns
from seqtag.corpus.formats.token_rows import LINE
from seqtag.corpus.source_report import SourceReport
from seqtag.errors import CorpusFormatError

TRACE_PREFIX = "case:"  # of a trace's attributes, as pm4py names them
ROWS = 1 << 16  # events, yielded at a time
_READ_BYTES = 1 << 16

Attributes = dict[str, str]


@dataclass
class Trace:
    """A trace; attributes within attributes are left out."""

    attributes: Attributes = field(default_factory=dict)
    events: list[Attributes] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)  # on which the events begin

    def rows(self) -> Iterator[Attributes]:
        """Yield the attributes of each event and of the trace."""
        shared = {f"{TRACE_PREFIX}{key}": value for key, value in self.attributes.items()}
        return ({**shared, **event} for event in self.events)


def xes_rows(
    source: XesSource,
    file: InputFile,
    columns: Sequence[str],
    report: SourceReport,
    *,
    batch_rows: int = ROWS,
) -> Iterator[pa.RecordBatch]:
    """Yield the events of a file, one row each, as text, with LINE; an attribute that an event lacks is null.

    A trace is in memory as a whole, the log is not. Traces without events are counted, and events outside
    traces and repeated attributes lead to warnings.

    Raises:
        CorpusFormatError: the file is no XML, holds a document type declaration, which could define entities,
            or lacks an attribute that the source names.
    """
    pending: list[Attributes] = []
    lines: list[int] = []
    wanted: list[str] | None = None
    for trace in traces(file, report):
        report.change("traces without events skipped", int(not trace.events))
        pending.extend(trace.rows())
        lines.extend(trace.lines)
        if len(pending) >= batch_rows:
            wanted = wanted or _wanted(source, file, columns, report, pending)
            yield _as_batch(pending, lines, wanted)
            pending, lines = [], []
    if pending:
        yield _as_batch(pending, lines, wanted or _wanted(source, file, columns, report, pending))


def traces(file: InputFile, report: SourceReport) -> Iterator[Trace]:
    """Yield the traces of a file. Raises as `xes_rows`."""
    found: list[Trace] = []
    parser = _parser(file, found, report)
    with opened(file) as stream:
        more = True
        while more:
            content = stream.read(_READ_BYTES)
            more = bool(content)
            try:
                parser.Parse(content, not more)
            except expat.ExpatError as error:
                raise CorpusFormatError(
                    f"{file.name}:{error.lineno}: file is no XML from here on: expected a log in XES, got "
                    f"{expat.ErrorString(error.code)}; write the file again, or set another format"
                ) from error
            yield from found
            found.clear()


def _parser(file: InputFile, found: list[Trace], report: SourceReport) -> expat.XMLParserType:
    """Return a parser that appends the traces of a log to a list."""

    def place() -> str:
        return f"{file.name}:{parser.CurrentLineNumber}"

    def add(attributes: Attributes, owner: str, key: str, value: str) -> None:
        if key in attributes:
            report.warn(
                f"repeated_attribute:{key}",
                f"attribute {key!r:.80} is repeated in the {owner}: its last value was read; write it once",
                place=place(),
            )
        attributes[key] = value

    parser = expat.ParserCreate(namespace_separator=" ")
    path: list[str] = []
    trace = Trace()

    def start(name: str, attributes: Attributes) -> None:
        nonlocal trace
        element = name.rpartition(" ")[2]
        if not path and element != "log":
            raise CorpusFormatError(
                f"{place()}: file is no XES: expected the element 'log', got "
                f"{element!r:.80}; set format to that of the file"
            )
        if path == ["log"] and element == "trace":
            trace = Trace()
        elif path == ["log", "trace"] and element == "event":
            trace.events.append({})
            trace.lines.append(parser.CurrentLineNumber)
        elif path == ["log"] and element == "event":
            report.warn(
                "events_outside_traces",
                "event is outside traces, and was left out: expected each in a trace; move it into that of "
                "its case",
                place=place(),
            )
        elif path[:2] == ["log", "trace"] and "key" in attributes and "value" in attributes:
            if len(path) == 2:
                add(trace.attributes, "trace", attributes["key"], attributes["value"])
            elif len(path) == 3 and path[2] == "event":
                add(trace.events[-1], "event", attributes["key"], attributes["value"])
        path.append(element)

    def end(_: str) -> None:
        if path == ["log", "trace"]:
            found.append(trace)
        path.pop()

    def refuse(name: str, *_: object) -> None:
        raise CorpusFormatError(
            f"{place()}: file has a document type declaration, {name!r:.80}: "
            "expected none, since its entities could expand without limit; remove it"
        )

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = refuse
    return parser


def _wanted(
    source: XesSource,
    file: InputFile,
    columns: Sequence[str],
    report: SourceReport,
    rows: Sequence[Attributes],
) -> list[str]:
    present = list(dict.fromkeys(key for row in rows for key in row))
    return wanted_columns(source, columns, present, report, place=file.name)


def _as_batch(rows: Sequence[Attributes], lines: Sequence[int], wanted: Sequence[str]) -> pa.RecordBatch:
    texts = {key: pa.array([row.get(key) for row in rows], pa.string()) for key in wanted}
    return pa.record_batch({**texts, LINE: pa.array(lines, pa.int64())})
