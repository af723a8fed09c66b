"""Roles of columns, judged by names and values."""

from __future__ import annotations

import pytest

from seqtag.corpus.recognition.order_roles import Order, order_of
from seqtag.corpus.recognition.roles import Chosen, sequence_roles, token_and_tag
from seqtag.corpus.split_names import split_in_name

ANY = Chosen()


def test_span_tags_count_more_than_names_and_names_more_than_the_last_column() -> None:
    columns = {
        "word": ["Ada", "saw", "Bath", "saw"],
        "pos": ["N", "V", "N", "V"],
        "x": ["B-PER", "O", "B-LOC", "O"],
        "shape": ["X", "x", "X", "x"],
    }
    assert token_and_tag(columns, ANY, place="a").tags == "x"
    del columns["x"]
    assert token_and_tag(columns, ANY, place="a").tags == "pos"


def test_the_finest_id_is_that_of_the_sequence() -> None:
    columns = {
        "doc": list("aaaabb"),
        "sent": list("112233"),
        "word": list("uvwxyz"),
        "tag": list("OBOBOB"),
    }
    roles = token_and_tag({name: columns[name] for name in ("word", "tag")}, ANY, place="a")
    found = sequence_roles(columns, roles, ANY, place="a")
    assert found is not None
    assert (found.sequence, found.interleaved, found.first_row) == ("sent", False, False)


def test_rows_that_no_column_joins_have_no_sequence() -> None:
    columns = {"word": list("uvwxyz"), "lang": ["en"] * 6, "tag": list("OBOBOB")}
    roles = token_and_tag(columns, ANY, place="a")
    assert sequence_roles(columns, roles, ANY, place="a") is None


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ({"at": ["12:03", "12:02", "12:01"] * 2}, None),  # a time of day has no date
        ({"idx": ["3", "2", "1"] * 2}, "idx"),
        ({"idx": ["10", "9", "8"] * 2}, "idx"),  # as numbers, not as text
        ({"idx": ["2", "3", "1"] * 2}, "idx"),
        ({"idx": ["1", "2", "3"] * 2}, None),  # in order already
        ({"idx": ["1", "2", "1"] * 2}, None),  # restarts within a sequence, so it is no order
        ({"idx": ["2", "2", "1"] * 2}, "idx"),
        ({"day": ["2026-11-01"] * 6, "idx": ["3", "2", "1"] * 2}, "idx"),
        ({"at": [f"2026-11-01 09:00:0{second}" for second in "210543"]}, "at"),
    ],
)
def test_rows_in_reverse_are_sorted_by_the_column_that_says_so(
    order: dict[str, list[str]], found: str | None
) -> None:
    columns = {"case": list("aaabbb"), **order, "word": list("uvwxyz"), "tag": list("OBOBOB")}
    roles = token_and_tag({name: columns[name] for name in ("word", "tag")}, ANY, place="a")
    sequences = sequence_roles(columns, roles, ANY, place="a")
    assert sequences is not None
    order_column = None if sequences.order is None else sequences.order.column
    assert (sequences.sequence, order_column, sequences.interleaved) == ("case", found, False)
    assert any("order of column" in reason for reason in sequences.reasons) == bool(found)


@pytest.mark.parametrize(
    ("cells", "found", "also"),
    [
        (["2026/11/01 09:30:00.5", "2026/11/01 09:31:00.25"], "%Y/%m/%d %H:%M:%S.%f", None),
        (["31.12.2026 09:30", "01.01.2027 00:00"], "%d.%m.%Y %H:%M", None),
        (["12/31/2026 9:30 AM", "01/01/2027 1:00 PM"], "%m/%d/%Y %I:%M %p", None),
        (["01/02/2026", "03/04/2026"], "%d/%m/%Y", "%m/%d/%Y"),
        (["2026-11-01T09:30:00Z", "2026-11-01T09:31:00Z"], None, None),
    ],
)
def test_the_format_of_dates_is_recognised(cells: list[str], found: str | None, also: str | None) -> None:
    order = order_of({"case": ["a", "a"], "when": cells}, "case", exclude=())
    assert order == Order("when", found, also)


def test_text_with_a_date_in_some_cells_orders_nothing() -> None:
    assert order_of({"case": ["a", "a"], "when": ["31.12.2026", "soon"]}, "case", exclude=()) is None


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("data/train.conll", "train"),
        ("en_ewt-ud-dev.conllu.gz", "dev"),
        ("valid/part-0.parquet", "dev"),
        ("eng.testb", "test"),
        ("train-test.conll", None),
        ("contest.conll", None),
    ],
)
def test_splits_are_whole_words_in_the_names_of_files_or_folders(path: str, split: str | None) -> None:
    assert split_in_name(path) == split
