import pytest

from seqtag.baseline.attributes import AttributesByToken, sequence_attributes, word_shape


def attributes_of(*tokens):
    by_token = AttributesByToken()
    by_position = sequence_attributes([by_token[token] for token in tokens])
    return [[attribute.decode() for attribute in attributes] for attributes in by_position]


@pytest.mark.parametrize(
    ("token", "long", "short"),
    [
        ("McDonald-2000", "XxXxxxxx-dddd", "XxXx-d"),
        ("EU", "XX", "X"),
        ("...", "...", "."),
        ("漢字", "漢字", "漢字"),
        ("", "", ""),
    ],
)
def test_a_shape_shows_case_digits_and_signs(token, long, short):
    assert (word_shape(token, short=False), word_shape(token, short=True)) == (long, short)


def test_a_single_token_has_its_word_shape_and_affixes():
    (attributes,) = attributes_of("T-34")
    assert attributes == [
        "bias", "word=t-34", "form=T-34", "shape=X-d", "long shape=X-dd",
        "prefix=t", "suffix=4", "prefix=t-", "suffix=34", "prefix=t-3", "suffix=-34",
        "prefix=t-34", "suffix=t-34",
        "a digit", "title", "upper", "hyphen",
        "-2:edge", "-1:edge", "+1:edge", "+2:edge",
        "-1|0:|t-34", "0|+1:t-34|",
    ]  # fmt: skip


def test_affixes_are_no_longer_than_the_token():
    (attributes,) = attributes_of("ab")
    assert [a for a in attributes if a.startswith(("prefix", "suffix"))] == [
        "prefix=a", "suffix=b", "prefix=ab", "suffix=ab",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("token", "flags"),
    [
        ("12", ["digits", "a digit"]),
        ("Paris", ["title"]),
        ("UN", ["upper"]),
        ("--", ["hyphen", "no letter or digit"]),
        ("dog", []),
    ],
)
def test_flags_of_a_token(token, flags):
    possible = {"digits", "a digit", "title", "upper", "hyphen", "no letter or digit"}
    assert [attribute for attribute in attributes_of(token)[0] if attribute in possible] == flags


def test_a_token_has_attributes_of_four_neighbours_and_two_pairs():
    attributes = attributes_of("The", "old", "Cat", "sat", "down")[2]
    assert [a for a in attributes if a[0] in "-+0"] == [
        "-2:word=the", "-2:shape=Xx",
        "-1:word=old", "-1:shape=x", "-1:suffix=old",
        "+1:word=sat", "+1:shape=x", "+1:suffix=sat",
        "+2:word=down", "+2:shape=x",
        "-1|0:old|cat", "0|+1:cat|sat",
    ]  # fmt: skip


def test_the_ends_of_a_sequence_are_marked():
    first, last = attributes_of("a", "b")
    assert [a for a in first if "edge" in a] == ["-2:edge", "-1:edge", "+2:edge"]
    assert [a for a in last if "edge" in a] == ["-2:edge", "+1:edge", "+2:edge"]


def test_attributes_are_computed_once_per_token():
    by_token = AttributesByToken()
    assert by_token["a"] is by_token["a"]
    assert list(by_token) == ["a"]


def test_an_empty_sequence_has_no_attributes():
    assert sequence_attributes([]) == []
