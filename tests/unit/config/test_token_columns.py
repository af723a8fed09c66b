"""Columns of tokens in a tagger's file: names, kinds and their settings."""

import pytest

from seqtag.config import parse_tagger
from seqtag.errors import ConfigError

TAGGER = """
name = "x"
[[corpus.sources]]
format = "table"
path = "a.csv"
sequence_column = "case"
token_column = "activity"
tag_column = "label"
token_columns = {columns}
"""


def parsed(features: str = "", columns: str = '["amount"]'):
    return parse_tagger(TAGGER.format(columns=columns) + features, "x.toml")


def read(name: str, kind: str, more: str = "") -> str:
    return f'[[features.columns]]\nname = "{name}"\nkind = "{kind}"\n{more}\n'


def test_columns_are_named_as_in_the_source_or_renamed() -> None:
    assert parsed().corpus.sources[0].token_columns == {"amount": "amount"}
    renamed = parsed(columns='{ amount = "net amount (EUR)" }')
    assert renamed.corpus.sources[0].token_columns == {"amount": "net amount (EUR)"}
    assert renamed.corpus.token_columns == ("amount",)


def test_numbered_columns_count_in_the_width_of_a_line() -> None:
    source = parse_tagger(
        'name = "x"\n[[corpus.sources]]\nformat = "conll"\npath = "a"\ntoken_columns = { chunk = 4 }\n',
        "x.toml",
    ).corpus.sources[0]
    assert source.least_columns == 6  # with the tag, which is the last


def test_names_that_differ_in_case_only_are_refused_if_there_are_expectations() -> None:
    columns = '{ amount = "a", AMOUNT = "b" }'
    expectation = (
        '[quality.expectations.e]\ntable = "tokens"\ntype = "expect_column_values_to_not_be_null"\n'
        'kwargs = { column = "amount" }\n'
    )
    assert parsed(columns=columns).corpus.token_columns == ("amount", "AMOUNT")
    with pytest.raises(ConfigError, match="columns 'amount' and 'AMOUNT' differ in case only"):
        parsed(expectation, columns)
    with pytest.raises(ConfigError, match="columns 'position' and 'Position' differ in case only"):
        parsed(expectation, '["amount", "Position"]')


@pytest.mark.parametrize(
    "source",
    [
        'format = "conll"\ntoken_columns = { pos = -1 }',
        'format = "conllu"\ntoken_columns = ["UPOS"]',
        'format = "jsonl"\ntoken_columns = { labels = "tags" }',
    ],
)
def test_the_column_of_the_tags_is_refused_as_a_further_column(source: str) -> None:
    with pytest.raises(ConfigError, match="token_columns name the tags"):
        parse_tagger(f'name = "x"\n[[corpus.sources]]\npath = "a"\n{source}\n', "x.toml")


@pytest.mark.parametrize(
    ("features", "columns", "message"),
    [
        (read("amont", "number"), '["amount"]', "'amont' is not a column of tokens.*did you mean 'amount'"),
        (read("amount", "number") * 2, '["amount"]', "read twice.*'amount'"),
        (read("amount", "number") + '[train]\nrecipe = "base"\n', '["amount"]', "no effect here.*default"),
        (read("amount", "amount"), '["amount"]', "category.*number.*time.*set"),
        (read("amount", "time", 'zone = "Europe/Berln"'), '["amount"]', "zone is unknown.*'Europe/Berln'"),
        (read("amount", "time", 'format = "%H:%M"'), '["amount"]', "format has no date.*'%H:%M'"),
        (read("amount", "time", 'format = "%Q"'), '["amount"]', "unknown directive"),
        ("", '["tags"]', "reserved or repeated.*tags"),
        ("", '["net amount"]', "net amount"),
        ("", '{ phase = "label" }', "token_columns name the tags as 'phase'.*got 'label' again"),
        ('[corpus]\ncolumns = ["amount"]\n', '["amount"]', "reserved or repeated.*amount"),
    ],
)
def test_wrong_columns_are_refused(features: str, columns: str, message: str) -> None:
    if features.startswith("[corpus]"):  # TOML wants it above the sources
        text = 'name = "x"\n' + features + TAGGER.replace('name = "x"', "").format(columns=columns)
    else:
        text = TAGGER.format(columns=columns) + features
    with pytest.raises(ConfigError, match=f"(?s){message}"):
        parse_tagger(text, "x.toml")


def test_slices_may_be_by_a_category_or_by_the_buckets_of_a_number() -> None:
    slices = '[evaluate]\nslices = ["amount"]\n'
    assert parsed(read("amount", "category") + slices).evaluate.slices == ("amount",)
    assert parsed(read("amount", "number", "buckets = 4") + slices).evaluate.slices == ("amount",)
    with pytest.raises(ConfigError, match=r"a number with buckets of features.columns \[\], got 'amo"):
        parsed(read("amount", "number") + slices)
