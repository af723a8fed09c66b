"""Escapes in tables, such as the backslashes of MySQL, Hive and Spark."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqtag.config.source_config import TableSource
from seqtag.corpus.files import find_files
from seqtag.corpus.source_report import SourceReport
from seqtag.errors import CorpusFormatError
from tests.unit.corpus.long_readers import read_table

TABLE = {"format": "table", "sequence_column": "s", "token_column": "w", "tag_column": "t"}
BACKSLASH = {**TABLE, "escape": "\\"}


def tokens(path: Path, *, block_bytes: int, **source: object) -> tuple[list[str | None], SourceReport]:
    report = SourceReport()
    declared = TableSource.model_validate({"path": str(path), **BACKSLASH, **source})
    batches = read_table(declared, find_files(str(path))[0], (), report, block_bytes=block_bytes)
    return [token for batch in batches for row in batch.to_pylist() for token in row["tokens"]], report


@pytest.mark.parametrize("block_bytes", [64, 65, 66, 67, 1 << 20])
@pytest.mark.parametrize(
    ("written", "token"),
    [
        (r'"\""', '"'),
        (r'"say \"yes\", \\ now"', r'say "yes", \ now'),
        (r'"5\""', '5"'),
        (r"\"", '"'),
        (r"a\,b", "a,b"),
        (r"C:\\dir\\", "C:\\dir\\"),
        (r'"C:\new"', r"C:\new"),
        (r'"\\\"N"', r"\"N"),
        ('"a""b"', 'a"b'),
        (r"\N", None),
        (r'"\N"', None),
        (r"x\N", r"x\N"),
        ("a\\\nb", "a\nb"),
        (r"\é", r"\é"),
    ],
)
def test_escapes_are_read_whatever_the_block_size(written, token, block_bytes, tmp_path):
    path = tmp_path / "corpus.csv"
    path.write_text("s,w,t\n" + f"1,{written},O\n1,b,O\n" * 20, "utf-8", newline="")

    assert tokens(path, block_bytes=block_bytes)[0] == [token, "b"] * 20


def test_tab_separated_dumps_of_mysql_and_hive_are_read(tmp_path):
    path = tmp_path / "corpus.tsv"
    path.write_text('s\tw\tt\n1\ta\\\tb\t\\N\n1\t"\tO\n1\tc:\\temp\tO\n', "utf-8")
    found, report = tokens(path, block_bytes=1 << 20, delimiter="\t")

    assert found == ["a\tb", '"', "c:\\temp"]
    assert report.record().assumed["escape"] == {"\\": 1}
    assert report.record().changed == {r"cells \N read as no value": 1}
    assert [(warned.kind, warned.place) for warned in report.record().warnings] == [
        ("escapes", "corpus.tsv:4")
    ]


def test_text_after_a_closing_quote_is_refused_even_with_escapes(read):
    with pytest.raises(
        CorpusFormatError, match=r'corpus\.txt:3: text follows a closing quote: \'1,"\\\\"a"b,O'
    ):
        read('s,w,t\n1,"\\"",O\n1,"\\"a"b,O\n', **BACKSLASH)


@pytest.mark.parametrize(
    "rows",
    [
        r'1,"a \"b\" c",O',
        '1,"\\"",O\n1,"\\"",O',
        '1,"5\\"",O\n2,b,O',
        '1,"5\\"",O\n2,b,O\n2,"c",O',
        '1,"5\\"",O\n2,b,O\n2,"c,d",O',
        '1,b,"\\""\n2,c,O',
    ],
)
def test_an_undeclared_escape_of_quotes_is_refused_with_the_key(rows, read):
    with pytest.raises(CorpusFormatError, match=r"set escape = '\\' where a backslash escapes"):
        read(f"s,w,t\n{rows}\n", **TABLE)


def test_an_undeclared_null_of_databases_is_a_warning(report):
    text = "s\tw\tt\n1\ta\tO\n1\tb\t\\N\n1\tc\t\\N\n"
    (warned,) = report(text, **TABLE, delimiter="\t").warnings

    assert (warned.kind, warned.place, warned.count) == ("escapes", "corpus.txt: row 2", 2)
    assert r"set escape = '\'" in warned.text
    assert report(text, **TABLE, delimiter="\t", escape="").warnings == []


@pytest.mark.parametrize("escape", [",", '"', "ab", "n"])
def test_an_escape_that_has_another_meaning_is_refused(escape):
    with pytest.raises(ValueError, match="escape"):
        TableSource.model_validate({"path": "a.csv", **TABLE, "escape": escape})
