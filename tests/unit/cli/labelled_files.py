"""Files with the same 300 distinct labelled sequences in every format."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

Token = tuple[str, str, str]  # word, part of speech, span tag
SEQUENCES: list[list[Token]] = [
    [
        (f"Ada{n % 60}", "NNP", "B-PER"),
        ("saw", "VBD", "O"),
        (f"Bath{n // 60 + n % 7}", "NNP", "B-LOC"),
        ("Town", "NNP", "I-LOC"),
        *[("abcde"[(n + k) % 5], "X", "O") for k in range(n % 4)],
    ]
    for n in range(300)
]


def write_columns(file: Path, sequences: list[list[Token]] = SEQUENCES, between: str = "\t") -> None:
    file.write_text("\n".join("".join(f"{between.join(token)}\n" for token in s) for s in sequences))


def write_universal(file: Path) -> None:
    lines = []
    for n, sequence in enumerate(SEQUENCES):
        lines += [f"# sent_id = {n}"]
        lines += [
            f"{k}\t{word}\t_\t{pos}\t_\t_\t0\t_\t_\tname={tag}"
            for k, (word, pos, tag) in enumerate(sequence, 1)
        ]
        lines += [""]
    file.write_text("\n".join(lines))


def write_features(file: Path) -> None:
    write_universal(file)
    file.write_text(
        "".join(
            line.replace("\tNNP\t", "\t_\t")
            .replace("\tVBD\t", "\t_\t")
            .replace("\tX\t", "\t_\t")
            .replace("name=O", "_")
            for line in file.read_text().splitlines(True)
        )
    )


def write_objects(file: Path) -> None:
    rows = [
        {"id": f"s{n}", "words": [t[0] for t in s], "pos": [t[1] for t in s], "entities": [t[2] for t in s]}
        for n, s in enumerate(SEQUENCES)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_numbers(file: Path) -> None:
    numbers = {"O": 0, "B-PER": 1, "B-LOC": 2, "I-LOC": 3}
    rows = [{"tokens": [t[0] for t in s], "tags": [numbers[t[2]] for t in s]} for s in SEQUENCES]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_spans(file: Path) -> None:
    """Write texts with spans as doccano does."""
    rows = [{"id": n, "text": text, "label": spans} for n, (text, spans) in enumerate(map(_spans, SEQUENCES))]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_brat(folder: Path) -> None:
    """Write a text for each sequence, with its spans next to it."""
    folder.mkdir()
    for n, (text, spans) in enumerate(map(_spans, SEQUENCES)):
        (folder / f"{n}.txt").write_text(text + "\n")
        lines = (f"T{k}\t{label} {a} {b}\t{text[a:b]}\n" for k, (a, b, label) in enumerate(spans))
        (folder / f"{n}.ann").write_text("".join(lines))


def write_given(file: Path) -> None:
    """Write texts with spans and tokens as Prodigy does."""
    rows = []
    for text, spans in map(_spans, SEQUENCES):
        ends = [found.span() for found in re.finditer(r"\S+", text)]
        rows.append(
            {
                "text": text,
                "tokens": [
                    {"text": text[a:b], "start": a, "end": b, "id": n, "ws": True}
                    for n, (a, b) in enumerate(ends)
                ],
                "spans": [
                    {"start": a, "end": b, "token_start": 0, "token_end": 0, "label": label}
                    for a, b, label in spans
                ],
                "_is_binary": False,
                "answer": "accept",
            }
        )
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_tasks(file: Path) -> None:
    """Write an array of texts with spans as Label Studio does."""
    rows = []
    for n, (text, spans) in enumerate(map(_spans, SEQUENCES)):
        result = [
            {"value": {"start": a, "end": b, "text": text[a:b], "labels": [label]}, "type": "labels"}
            for a, b, label in spans
        ]
        annotation = {"id": n, "was_cancelled": False, "result": result}
        rows.append({"id": n, "annotations": [annotation], "predictions": [], "data": {"text": text}})
    file.write_text(json.dumps(rows))


def _spans(sequence: list[Token]) -> tuple[str, list[tuple[int, int, str]]]:
    """Return the text of a sequence, and its spans: the first word, and the next two."""
    text = " ".join(word for word, _, _ in sequence)
    person, _, place, town = (word for word, _, _ in sequence[:4])
    start = len(person) + len(" saw ")
    return text, [(0, len(person), "PER"), (start, start + len(place) + 1 + len(town), "LOC")]


def write_fasta(file: Path) -> None:
    rows = [(f"MK{n:09b}".replace("0", "A").replace("1", "V"), "SS" + "OHC"[n % 3] * 9) for n in range(300)]
    file.write_text("".join(f">P{n}\n{residues}\n{labels}\n" for n, (residues, labels) in enumerate(rows)))


def write_xes(file: Path) -> None:
    traces = []
    for n, sequence in enumerate(SEQUENCES):
        events = [
            f'<event><string key="concept:name" value="{word}"/><string key="phase" value="{tag}"/>'
            f'<date key="time:timestamp" value="2026-11-01T09:{k:02}:00.000+01:00"/></event>'
            for k, (word, _, tag) in enumerate(sequence)
        ]
        traces.append(f'<trace><string key="concept:name" value="{n}"/>{"".join(events)}</trace>')
    file.write_text(f'<?xml version="1.0" encoding="UTF-8"?>\n<log>{"".join(traces)}</log>')


def write_table(file: Path) -> None:
    rows = [f"{n},{word},{tag}\n" for n, s in enumerate(SEQUENCES) for word, _, tag in s]
    file.write_text("sentence,word,tag\n" + "".join(rows))


def write_first_row(file: Path) -> None:
    rows = [
        f"{'' if k else f'Sentence: {n}'},{','.join(t)}\n"
        for n, s in enumerate(SEQUENCES)
        for k, t in enumerate(s)
    ]
    file.write_text("Sentence #,Word,POS,Tag\n" + "".join(rows))


def write_tabs(file: Path) -> None:
    rows = [
        f"d{n // 2}\t{n}\t{k}\t{word}\t{tag}\n"
        for n, s in enumerate(SEQUENCES)
        for k, (word, _, tag) in enumerate(s)
    ]
    file.write_text("doc\tsent\tidx\ttoken\tner\n" + "".join(rows))


def write_log(file: Path) -> None:
    rows = sorted((k, n, word, tag) for n, s in enumerate(SEQUENCES) for k, (word, _, tag) in enumerate(s))
    lines = [f"2026-11-01T09:{k:02}:00,{n},{word},{tag}\n" for k, n, word, tag in rows]
    file.write_text("at,case,event,phase\n" + "".join(lines))


def write_process(file: Path) -> None:
    """Write a log as tools of process mining export it."""
    rows = sorted((k, n, word, tag) for n, s in enumerate(SEQUENCES) for k, (word, _, tag) in enumerate(s))
    lines = [f"{n};{word};2026/11/01 09:{k:02}:00.000;{tag};R{n % 3}\n" for k, n, word, tag in rows]
    file.write_text("Case ID;Activity;Complete Timestamp;Phase;Resource\n" + "".join(lines))


def write_newest_first(file: Path) -> None:
    rows = [
        f"2026-11-01T09:{k:02}:00,{n},{word},{tag}\n"
        for n, s in enumerate(SEQUENCES)
        for k, (word, _, tag) in reversed([*enumerate(s)])
    ]
    file.write_text("at,case,event,phase\n" + "".join(rows))


def write_lists(file: Path) -> None:
    table = {
        "tokens": [[t[0] for t in s] for s in SEQUENCES],
        "ner_tags": [[t[2] for t in s] for s in SEQUENCES],
    }
    pq.write_table(pa.table(table), file)


def write_rows(file: Path) -> None:
    rows = [(n, word, tag) for n, s in enumerate(SEQUENCES) for word, _, tag in s]
    table = {name: [row[i] for row in rows] for i, name in enumerate(("sid", "token", "label"))}
    pq.write_table(pa.table(table), file)


def write_database(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("create table words (sentence int, position int, word text, tag text)")
        rows = [(n, k, word, tag) for n, s in enumerate(SEQUENCES) for k, (word, _, tag) in enumerate(s)]
        connection.executemany("insert into words values (?, ?, ?, ?)", rows)


# by format: the file's name, its writer, and the keys that `seqtag init` finds besides path
FORMATS: dict[str, tuple[str, Callable[[Path], None], dict[str, object]]] = {
    "columns": ("my.conll", write_columns, {"format": "conll"}),
    "blanks": ("my.txt", lambda file: write_columns(file, between=" "), {"format": "conll"}),
    "universal": ("my.conllu", write_universal, {"format": "conllu"}),
    "features": (
        "my.conllu",
        write_features,
        {"format": "conllu", "tag_column": "MISC", "tag_feature": "name", "tag_default": "O"},
    ),
    "objects": (
        "my.jsonl",
        write_objects,
        {"format": "jsonl", "tokens_column": "words", "tags_column": "entities"},
    ),
    "numbers": (
        "my.jsonl",
        write_numbers,
        {"format": "jsonl", "tag_names": ["class-0", "class-1", "class-2", "class-3"]},
    ),
    "spans": (
        "my.jsonl",
        write_spans,
        {"format": "jsonl-spans", "spans_column": "label", "tokenise": "words"},
    ),
    "given tokens": ("my.jsonl", write_given, {"format": "jsonl-spans", "tokenise": "given"}),
    "tasks": (
        "my.json",
        write_tasks,
        {
            "format": "jsonl-spans",
            "text_column": "data.text",
            "spans_column": "annotations",
            "tokenise": "words",
        },
    ),
    "fasta": ("my.fasta", write_fasta, {"format": "fasta"}),
    "xes": ("my.xes", write_xes, {"format": "xes", "tag_column": "phase"}),
    "table": (
        "my.csv",
        write_table,
        {"format": "table", "sequence_column": "sentence", "token_column": "word", "tag_column": "tag"},
    ),
    "first row": (
        "my.csv",
        write_first_row,
        {
            "format": "table",
            "sequence_column": "Sentence #",
            "token_column": "Word",
            "tag_column": "Tag",
            "sequence_ids": "first_row",
        },
    ),
    "tabs": (
        "my.tsv",
        write_tabs,
        {
            "format": "table",
            "delimiter": "\t",
            "sequence_column": "sent",
            "token_column": "token",
            "tag_column": "ner",
            "document_column": "doc",
        },
    ),
    "log": (
        "my.csv",
        write_log,
        {
            "format": "table",
            "sequence_column": "case",
            "token_column": "event",
            "tag_column": "phase",
            "order_column": "at",
            "rows": "interleaved",
        },
    ),
    "process": (
        "my.csv",
        write_process,
        {
            "format": "table",
            "delimiter": ";",
            "sequence_column": "Case ID",
            "token_column": "Activity",
            "tag_column": "Phase",
            "order_column": "Complete Timestamp",
            "order_format": "%Y/%m/%d %H:%M:%S.%f",
            "rows": "interleaved",
        },
    ),
    "newest first": (
        "my.csv",
        write_newest_first,
        {
            "format": "table",
            "sequence_column": "case",
            "token_column": "event",
            "tag_column": "phase",
            "order_column": "at",
        },
    ),
    "lists": ("my.parquet", write_lists, {"format": "parquet", "tags_column": "ner_tags"}),
    "rows": (
        "my.parquet",
        write_rows,
        {"format": "parquet-long", "sequence_column": "sid", "token_column": "token", "tag_column": "label"},
    ),
}
