"""Quotes in tables that violate RFC 4180."""

from __future__ import annotations

import csv
import io

import pytest

from seqtag.corpus.formats.stray_quotes import StrayQuotes
from seqtag.errors import CorpusFormatError

TABLE = {"format": "table", "sequence_column": "s", "token_column": "w", "tag_column": "t"}


@pytest.mark.parametrize(
    ("row", "what"),
    [
        (r'1,"a\"b",O', 'a backslash escapes a quote: \'1,"a\\\\"b",O\''),
        ('1,"a"b,O', "text follows a closing quote: '1,\"a\"b,O'"),
        ('1,""b,O', "text follows a closing quote: '1,\"\"b,O'"),
        ('"1"a,b,O', "text follows a closing quote: '\"1\"a,b,O'"),
        ('1,"a" "b",O', 'text follows a closing quote: \'1,"a" "b",O\''),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_text_after_a_closing_quote_is_refused(row, what, newline, read):
    with pytest.raises(CorpusFormatError) as error:
        read(newline.join(["s,w,t", '0,"x', 'y",O', row, "2,c,O", ""]), **TABLE)

    hint = (
        r"; set escape = '\' where a backslash escapes the next character, as MySQL, Hive and Spark write"
        if "backslash" in what
        else ""
    )
    assert str(error.value) == (
        f'corpus.txt:4: {what}; expected quotes within a cell twice (""), as in RFC 4180{hint}; set quote = '
        '"" where quotes are ordinary tokens, or export the table again with doubled quotes'
    )


def test_quotes_within_unquoted_cells_are_ordinary_characters(read):
    text = 's,w,t\n1,a"b,O\n1,5",O\n1,"c""d",O\n1,e""f,O\n1,"g" ,O\n1,"C:\\dir\\",O\n1,""",",O\n'

    assert read(text, **TABLE)[0]["tokens"] == ['a"b', '5"', 'c"d', 'e""f', "g", "C:\\dir\\", '",']


def test_blanks_before_a_quoted_cell_make_its_sequence_defective(read):
    rows = read('s,w,t\n1, "a",O\n2,b,O\n3," ",O\n4, ",O\n', **TABLE)

    assert [row["defect"] for row in rows] == [
        "corpus.txt: row 1: blanks come before the quote of cell ' \"a\"' in column 'w'; remove them, or set "
        'quote = "" where quotes are ordinary tokens',
        None,
        None,
        None,
    ]


@pytest.mark.parametrize("block_bytes", [1, 2, 3, 7])
def test_quotes_are_accepted_exactly_if_the_strict_csv_reader_accepts_them(block_bytes):
    n_refused = 0
    for number in range(4**6):
        text = "".join('",a\n'[number // 4**place % 4] for place in range(6))
        quotes = StrayQuotes('"', ",", name="x.csv")
        blocks = [text.encode()[start : start + block_bytes] for start in range(0, 6, block_bytes)]
        try:
            list(csv.reader(io.StringIO(text, newline=""), strict=True))
            is_refused = False
        except csv.Error as error:
            is_refused = "expected after" in str(error)
        try:
            for block in [*blocks, b""]:
                quotes.look(block)
        except CorpusFormatError:
            n_refused += 1
            assert is_refused, text
        else:
            assert not is_refused, text
    assert n_refused > 0
