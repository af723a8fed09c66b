"""Round trips: content written in a format is read back, in blocks of any size."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from seqtag.config import Source
from seqtag.corpus.files import find_files
from seqtag.corpus.formats import conll
from seqtag.corpus.formats.conll import read_conll
from seqtag.corpus.formats.conllu import read_conllu
from seqtag.corpus.formats.jsonl import read_jsonl
from seqtag.corpus.formats.parallel import read_parallel
from seqtag.corpus.formats.parquet import read_parquet
from seqtag.corpus.source_report import SourceReport
from seqtag.corpus.whitespace import WHITE_SPACE
from seqtag.errors import CorpusFormatError
from tests.unit.corpus.long_readers import read_long_parquet, read_table

Sequences = list[tuple[list[str], list[str]]]

# Any text for formats that can represent it, text without separators for the others.
ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
# Arrow rejects some tables that contain a NUL, depending on where a block ends.
ONE_LINE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r\0"), max_size=6)
PLAIN = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\t\n\r \ufeff"), min_size=1, max_size=6
)
WORD = PLAIN.filter(lambda w: not w.startswith(("-DOCSTART-", "#")))


def corpora(word: st.SearchStrategy[str]) -> st.SearchStrategy[Sequences]:
    pairs = st.lists(st.tuples(word, word), min_size=1, max_size=6)
    return st.lists(pairs.map(lambda p: ([a for a, _ in p], [b for _, b in p])), min_size=1, max_size=8)


several_sizes = pytest.mark.parametrize("block", [1, 7, 64, 1 << 20])
many = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("round_trip") / "corpus.txt"


def source_of(path: Path, **source: object) -> Source:
    return TypeAdapter(Source).validate_python({"path": str(path), **source})


def stripped(sequences: Sequences, *, spaced_tokens: bool = False) -> Sequences:
    """Return sequences as read: without whitespace around cells, except around tokens in lists."""

    def read(token: str) -> str:
        text = token.strip(WHITE_SPACE)
        return token if spaced_tokens and text else text

    return [([read(a) for a in tokens], [b.strip(WHITE_SPACE) for b in tags]) for tokens, tags in sequences]


def content(batches: Iterator[pa.RecordBatch]) -> Sequences:
    rows = [row for batch in batches for row in batch.to_pylist()]
    assert [row["defect"] for row in rows] == [None] * len(rows)
    return [(row["tokens"], row["tags"]) for row in rows]


@several_sizes
@many
@given(
    sequences=corpora(WORD), separator=st.sampled_from(["\t", " "]), newline=st.sampled_from(["\n", "\r\n"])
)
def test_conll(block, sequences, separator, newline, path):
    lines = [[f"{token}{separator}{tag}" for token, tag in zip(*s, strict=True)] for s in sequences]
    path.write_text((newline * 2).join(newline.join(s) for s in lines), "utf-8", newline="")
    source = source_of(path, format="conll", separator="tab" if separator == "\t" else "blanks")

    assert content(
        read_conll(source, find_files(str(path))[0], (), SourceReport(), block_bytes=block)
    ) == stripped(sequences)


@several_sizes
@many
@given(sequences=corpora(WORD.filter(lambda w: w != "_")))
def test_conllu(block, sequences, path):
    text = ""
    for number, (tokens, tags) in enumerate(sequences):
        text += f"# newdoc id = d{number // 2}\n" if number % 2 == 0 else f"# x = {number}\n"
        text += "1-2\t_" + "\t_" * 8 + "\n"
        text += "".join(
            f"{i}\t{a}\t_\t_\t{b}" + "\t_" * 5 + "\n"
            for i, (a, b) in enumerate(zip(tokens, tags, strict=True), 1)
        )
        text += "\n"
    path.write_text(text, "utf-8", newline="")
    source = source_of(path, format="conllu", tag_column="XPOS")
    batches = list(read_conllu(source, find_files(str(path))[0], ("x",), SourceReport(), block_bytes=block))

    assert content(iter(batches)) == stripped(sequences)
    rows = [row for batch in batches for row in batch.to_pylist()]
    assert [row["document_id"] for row in rows] == [f"d{n // 2}" for n in range(len(sequences))]
    assert [row["x"] for row in rows] == [str(n) if n % 2 else None for n in range(len(sequences))]


@pytest.mark.parametrize("block", [300, 1000, 1 << 20])  # Arrow needs a row to fit in a block
@pytest.mark.parametrize("every_row", [True, False])
@many
@given(sequences=corpora(ONE_LINE))
def test_table(block, every_row, sequences, path):
    written = io.StringIO(newline="")
    table = csv.writer(written, quoting=csv.QUOTE_ALL)
    table.writerow(["s", "w", "t"])
    for number, (tokens, tags) in enumerate(sequences):
        for place, (token, tag) in enumerate(zip(tokens, tags, strict=True)):
            table.writerow([number if every_row or place == 0 else "", token, tag])
    path.write_text(written.getvalue(), "utf-8", newline="")
    source = source_of(
        path,
        format="table",
        sequence_column="s",
        token_column="w",
        tag_column="t",
        sequence_ids="every_row" if every_row else "first_row",
    )

    assert content(
        read_table(source, find_files(str(path))[0], (), SourceReport(), block_bytes=block)
    ) == stripped(sequences)


@several_sizes
@many
@given(sequences=corpora(ANY), ascii_only=st.booleans())
def test_jsonl(block, sequences, ascii_only, path):
    lines = [json.dumps({"tokens": a, "tags": b}, ensure_ascii=ascii_only) for a, b in sequences]
    path.write_text("\n".join(lines), "utf-8", newline="")

    batches = read_jsonl(
        source_of(path, format="jsonl"), find_files(str(path))[0], (), SourceReport(), block_bytes=block
    )
    assert content(batches) == stripped(sequences, spaced_tokens=True)


@pytest.mark.parametrize("rows", [1, 3, 1000])
@many
@given(sequences=corpora(ANY))
def test_parquet(rows, sequences, path):
    pq.write_table(pa.table({"tokens": [a for a, _ in sequences], "tags": [b for _, b in sequences]}), path)

    batches = read_parquet(
        source_of(path, format="parquet"), find_files(str(path))[0], (), SourceReport(), batch_rows=rows
    )
    assert content(batches) == stripped(sequences, spaced_tokens=True)


@pytest.mark.parametrize("rows", [1, 3, 1000])
@many
@given(sequences=corpora(ANY))
def test_long_parquet(rows, sequences, path):
    flat = [
        (n, a, b) for n, (tokens, tags) in enumerate(sequences) for a, b in zip(tokens, tags, strict=True)
    ]
    pq.write_table(pa.table(dict(zip("swt", map(list, zip(*flat, strict=True)), strict=True))), path)
    source = source_of(path, format="parquet-long", sequence_column="s", token_column="w", tag_column="t")

    batches = read_long_parquet(source, find_files(str(path))[0], (), SourceReport(), batch_rows=rows)
    assert content(batches) == stripped(sequences)


@several_sizes
@many
@given(sequences=corpora(PLAIN))
def test_parallel(block, sequences, path):
    tags_path = path.with_suffix(".tags")
    path.write_text("".join(" ".join(a) + "\n" for a, _ in sequences), "utf-8", newline="")
    tags_path.write_text("".join(" ".join(b) + "\n" for _, b in sequences), "utf-8", newline="")
    source = source_of(path, format="parallel", tags_path=str(tags_path))
    tokens, tags = find_files([str(path), str(tags_path)])

    assert content(read_parallel(source, tokens, tags, (), SourceReport(), block_bytes=block)) == stripped(
        sequences
    )


WORD_LINES = [
    f"{number}\t{form}" + "\t_" * 8 for number, form in [("1", "a"), ("2", "b"), ("1-2", "ab"), ("x", "c")]
]
COMMENTS = ["# k = v", "# k=", "# newdoc id = d", "# newdoc", "# sent_id = s"]
DIRTY = st.lists(
    st.sampled_from(
        [
            *WORD_LINES,
            *COMMENTS,
            "a\tO",
            "b O",
            "c",
            "",
            " \t",
            "-DOCSTART-\tO",
            "ü\tB",
            "a\tb\tO",
            "a\tO\t",
            "#\tO",
        ]
    ),
    max_size=25,
)
KEYS = st.fixed_dictionaries(
    {},
    optional={
        "comment": st.just("#"),
        "header": st.just(True),
        "n_columns": st.sampled_from([2, "vary"]),
        "separator": st.just("blanks"),
    },
)


@pytest.mark.parametrize("format_", ["conll", "conllu"])
@settings(parent=many, max_examples=200)
@given(lines=DIRTY, block=st.integers(1, 40), head=st.integers(1, 100), keys=KEYS)
def test_broken_files_are_read_the_same_in_blocks_of_any_size(format_, lines, block, head, keys, path):
    first = "a\tO" if format_ == "conll" else WORD_LINES[0]
    path.write_text("\n".join([first, *lines]), "utf-8", newline="")
    source = source_of(path, format=format_, **(keys if format_ == "conll" else {"tag_default": "O"}))
    read = {"conll": read_conll, "conllu": read_conllu}[format_]
    (file,) = find_files(str(path))

    def outcome(block_bytes: int) -> object:
        report = SourceReport()
        try:
            batches = list(read(source, file, ("k",), report, block_bytes=block_bytes))
        except CorpusFormatError as error:
            return str(error)
        return [row for batch in batches for row in batch.to_pylist()], report.record()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conll, "HEAD_BYTES", head)
        assert outcome(block) == outcome(1 << 20)


CELLS = st.tuples(
    st.sampled_from(["a", "a ", "b", "c", "", "\u00a0"]),
    st.sampled_from(["1", "10", "9", "2.50", "", " ", "x", "2026-11-01"]),
    st.sampled_from(["u", "\u3000", "v "]),
)


@pytest.mark.parametrize("rows", ["adjacent", "interleaved"])
@settings(parent=many, max_examples=150)
@given(cells=st.lists(CELLS, min_size=1, max_size=25), block=st.integers(60, 200))
def test_broken_tables_are_read_the_same_in_blocks_of_any_size(rows, cells, block, path):
    lines = [f"{s},{o},{w},O" for s, o, w in cells]
    path.write_text("\n".join(["s,o,w,t", "a,1,u,O", *lines, ""]), "utf-8", newline="")
    columns = {"sequence_column": "s", "order_column": "o", "token_column": "w", "tag_column": "t"}
    source = source_of(path, format="table", rows=rows, **columns)
    (file,) = find_files(str(path))

    def outcome(block_bytes: int) -> object:
        report = SourceReport()
        batches = read_table(source, file, ("o",), report, block_bytes=block_bytes)
        try:
            found = [row for batch in batches for row in batch.to_pylist()]
        except CorpusFormatError as error:
            return str(error)
        return found, report.record()

    assert outcome(block) == outcome(1 << 20)
