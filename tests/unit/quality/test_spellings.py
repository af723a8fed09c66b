"""Corpora whose tags are spelled otherwise, and what is said where the scheme does not fit."""

from __future__ import annotations

import pytest

from tests.unit.quality.conftest import sequence, sound_corpus

LENIENT = {"quarantine_budget": 1.0, "min_tag_support": 0}
LOWER = {"B-PER": "b-per", "I-PER": "i-per", "B-ORG": "b-org", "O": "o"}
BMES = {"B-PER": "B-PER", "I-PER": "E-PER", "B-ORG": "S-ORG", "O": "O"}


def spelled(tags: dict[str, str], n: int = 30) -> list[dict]:
    """Return the sound corpus with other tags; its last span gets an M, so that BMES is seen."""
    rows = [row | {"tags": [tags[tag] for tag in row["tags"]]} for row in sound_corpus(n)]
    if tags is BMES:
        rows[0] = sequence("Ms/B-PER Ada/M-PER Haag/E-PER plays/O ./O", document_id="0")
    return rows


def flat(n: int = 30) -> list[dict]:
    """Return sequences in which 4 of 5 tokens have the tag O."""
    return [sequence(f"a{i}/O b/O c/O d/E-mail e/O", split=("train", "dev", "test")[i % 3]) for i in range(n)]


def first_finding(seen) -> str:
    return next(o.finding for o in seen.found.evidence.violations if o.rule == "illegal_transition")


def test_lower_case_spans_are_read_and_the_profile_says_so(examined):
    seen = examined(spelled(LOWER), quality=LENIENT)

    assert seen.reasons == {}
    assert seen.found.scheme == {
        "declared": "auto",
        "detected": "IOB2",
        "used": "IOB2",
        "reason": "IOB2: of 180 transitions, illegal are 0 under IOB2, 60 under IOB1, 60 under IOBES; "
        "spelled b-X, i-X and o",
        "spelling": {"pattern": "b-X", "letters": "BIES", "outside": "o"},
    }


def test_one_illegal_sequence_of_a_spelled_corpus_is_found_in_its_row(examined):
    rows = [*spelled(LOWER), sequence("x/o y/i-per"), sequence("x/b-per y/i-per"), sequence("x/o", tags=[])]

    seen = examined(rows, quality=LENIENT)

    assert seen.reasons == {30: ["illegal_transition"], 32: ["length_mismatch"]}
    assert first_finding(seen) == "token 2: i-per cannot follow o in IOB2"


def test_a_tag_in_another_spelling_than_most_is_refused_by_name(examined):
    seen = examined([*spelled(LOWER), sequence("x/o y/B-PER")], quality=LENIENT)

    assert seen.reasons == {30: ["illegal_transition"]}
    assert first_finding(seen) == (
        "token 2: B-PER is no tag in IOB2: it is spelled B-X, others b-X; respell it, or declare "
        'tags.spelling = "B-X" if the others are wrong'
    )


def test_declared_tags_are_those_of_the_corpus(examined):
    declared = list(LOWER.values())

    seen = examined([*spelled(LOWER), sequence("x/o y/b-loc")], tags={"declared": declared}, quality=LENIENT)

    assert seen.reasons == {30: ["unknown_tag"]}


def test_tags_that_are_declared_in_another_spelling_say_so(examined):
    seen = examined(spelled(LOWER), tags={"declared": ["O", "B-per", "I-per", "B-org"]}, quality=LENIENT)

    finding = next(o.finding for o in seen.found.evidence.violations if o.rule == "unknown_tag")
    assert finding == "token 1: tag b-per is declared as B-per; declare tags as the corpus spells them"


@pytest.mark.parametrize("scheme", ["bmes", "BIOES", "auto"])
def test_bmes_is_read_under_each_name_of_its_scheme(scheme, examined):
    seen = examined(spelled(BMES), tags={"scheme": scheme}, quality=LENIENT)

    assert seen.reasons == {}
    assert seen.found.scheme["used"] == "IOBES"
    assert seen.found.scheme["spelling"]["letters"] == "BMES"


def test_a_prefix_of_another_spelling_of_iobes_is_to_be_respelled(examined):
    more = [sequence("u/B-PER v/M-PER w/E-PER"), sequence("x/B-PER y/I-PER z/E-PER")]

    seen = examined([*spelled(BMES), *more], quality=LENIENT)

    assert first_finding(seen) == (
        "token 2: I-PER is no tag in IOBES: I- is none of its prefixes here (B-X, M-X, E-X, S-X and O); "
        "respell it"
    )


def test_where_every_sequence_breaks_the_declared_scheme_its_prefix_is_named(examined):
    rows = [sequence(f"Ms{i}/B-PER van/M-PER Haag/E-PER", sequence_id=str(i)) for i in range(20)]

    seen = examined(rows, tags={"scheme": "BIO"}, quality=LENIENT)

    assert first_finding(seen) == (
        "token 2: M-PER is no tag in IOB2: M- is no prefix of IOB2, BMES has it; declare "
        'tags.scheme = "BMES", or "none" if tags are labels of single tokens'
    )
    assert len(seen.reasons) == 20


def test_labels_read_as_spans_name_the_scheme_none(examined):
    seen = examined(flat(), tags={"scheme": "BIO"}, quality=LENIENT)

    assert first_finding(seen).endswith(
        "token 4: E-mail is no tag in IOB2: E- is no prefix of IOB2, IOBES has it; declare tags.scheme = "
        '"IOBES", or "none" if tags are labels of single tokens'
    )


def test_a_mark_that_may_stand_outside_spans_names_the_key(examined):
    rows = [
        row | {"tags": [t.replace("O", "-") if t == "O" else t for t in row["tags"]]}
        for row in sound_corpus()
    ]

    seen = examined(rows, quality=LENIENT)
    read = examined(rows, tags={"outside": "-"}, quality=LENIENT)

    assert first_finding(seen).endswith(
        'token 3: - is no tag in IOB2, where O is outside spans; declare tags.outside = "-" if this is; '
        "if it stands for a tag that nobody knows, set tags.partial = true"
    )
    assert read.reasons == {}


@pytest.mark.parametrize("mark", ["-", "_", "?", "None"])
def test_a_mark_that_more_tokens_have_than_span_tags_makes_no_flat_labels(mark, examined):
    rows = [
        sequence(f"Ada/B-PER Haag/I-PER a{i}/{mark} b/{mark} c/{mark} d/O", document_id=str(i))
        for i in range(12)
    ]

    seen = examined(rows, quality=LENIENT)
    partial = examined(rows, tags={"partial": True, "unlabelled": mark}, quality=LENIENT)

    assert seen.found.scheme["used"] == "IOB2"
    assert set(seen.reasons) == set(range(12))
    assert "if it stands for a tag that nobody knows, set tags.partial = true" in first_finding(seen)
    assert partial.reasons == {}


def test_a_mark_other_than_the_declared_one_names_the_key(examined):
    rows = [sequence(f"Ada/B-PER Haag/I-PER a{i}/_ b/_ c/_ d/O", document_id=str(i)) for i in range(12)]

    seen = examined(rows, tags={"partial": True}, quality=LENIENT)

    assert first_finding(seen) == (
        'token 3: _ is no tag in IOB2, where O is outside spans; declare tags.outside = "_" if this is; '
        'if it stands for a tag that nobody knows, set tags.unlabelled = "_"'
    )


def test_a_declared_spelling_is_read_where_the_tags_alone_do_not_tell(examined):
    rows = [sequence(f"a{i}/x.B b/plain c/x.B", sequence_id=str(i)) for i in range(12)]

    seen = examined(rows, tags={"spelling": "X.B", "outside": "plain"}, quality=LENIENT)

    assert (seen.reasons, seen.found.scheme["used"]) == ({}, "IOB2")


def test_flat_tags_of_which_one_is_most_of_the_corpus_warn(validated):
    result = validated(flat(), quality=LENIENT)

    assert result.profile["accepted"]
    assert result.profile["scheme"]["used"] == "none"
    assert result.rule("majority_tag") == {
        "rule": "majority_tag",
        "severity": "warn",
        "count": 1,
        "held": False,
        "message": "required: without a scheme, no tag has more than 60.00% of the tokens: where one has, "
        "accuracy says little. Received: tag O is 80.00% of the tokens, and always answering it is 80.00% "
        'accurate; if tags spell spans, tags.scheme (such as "BIO") and tags.spelling (such as "b-X") have '
        "them scored by span F1",
    }


def test_the_share_of_the_commonest_tag_that_warns_is_a_key(validated):
    result = validated(flat(), quality=LENIENT | {"max_majority_share": 0.8})

    assert result.rule("majority_tag")["held"]
    assert "majority_tag" not in result.profile["sentence"]


def test_spans_may_be_rare(examined):
    assert "majority_tag" not in examined(sound_corpus(), quality=LENIENT).rules


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        (
            {"B-PER": "BPER", "I-PER": "IPER", "B-ORG": "BPER", "O": "O"},
            "tags have no separator after the prefix, such as BPER",
        ),
        (
            {"B-PER": "(PER*", "I-PER": "*)", "B-ORG": "(ORG*)", "O": "*"},
            "tags are spans in brackets, such as (ORG*)",
        ),
        (
            {"B-PER": "<B-PER>", "I-PER": "<I-PER>", "B-ORG": "<B-ORG>", "O": "O"},
            "tags are in angle brackets, such as <B-ORG>",
        ),
    ],
)
def test_spans_in_a_spelling_that_is_not_read_are_refused_by_name(validated, tags, said):
    result = validated(spelled(tags), quality=LENIENT)

    assert not result.profile["accepted"]
    assert said in result.profile["sentence"]
    assert 'declare tags.scheme = "none"' in result.profile["sentence"]
    labels = validated(spelled(tags), tags={"scheme": "none"}, quality=LENIENT)
    assert labels.profile["accepted"]


def doubts(seen) -> list[str]:
    return [o.finding for o in seen.found.evidence.violations if o.rule == "doubtful_tags"]


def test_a_mark_among_flat_labels_is_warned_of_unless_it_is_declared(examined):
    rows = [sequence(f"a{i}/NOUN b/VERB c/_", document_id=str(i)) for i in range(12)]

    seen = examined(rows, quality=LENIENT)
    declared = examined(rows, tags={"declared": ["NOUN", "VERB", "_"]}, quality=LENIENT)

    assert doubts(seen) == [
        "_ is a label of 12 tokens; if it stands for a tag that nobody knows, set tags.partial = true and "
        'tags.unlabelled = "_"'
    ]
    assert seen.reasons == {}
    assert "doubtful_tags" in seen.rules
    assert "doubtful_tags" not in declared.rules


def test_spans_without_a_token_outside_are_warned_of(examined):
    rows = [sequence(f"Ada/B-PER Haag/I-PER a{i}/- b/-", document_id=str(i)) for i in range(12)]
    known = [sequence("a/O b/B-PER")]

    assert doubts(examined(rows, tags={"partial": True}, quality=LENIENT)) == [
        "no token has the tag O, and 24 have none: the model will make every token part of a span; if these "
        "are outside spans, leave out tags.partial and set tags.outside to their mark, or tag_default"
    ]
    assert doubts(examined(rows + known, tags={"partial": True}, quality=LENIENT)) == []
