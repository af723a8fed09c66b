"""Corpora with other tag spellings, and messages about tags that do not fit the scheme."""

from __future__ import annotations

import pytest

from seqtag.corpus.corpus_profile import RuleOutcome, SchemeChoice
from seqtag.tagging import Spelling
from tests.unit.quality.conftest import sequence, sound_corpus

LENIENT = {"quarantine_budget": 1.0, "min_tag_support": 0}
LOWER = {"B-PER": "b-per", "I-PER": "i-per", "B-ORG": "b-org", "O": "o"}
BMES = {"B-PER": "B-PER", "I-PER": "E-PER", "B-ORG": "S-ORG", "O": "O"}


def spelled(tags: dict[str, str], n: int = 30) -> list[dict]:
    """Return the sound corpus with other tags; for BMES, its first span gets an M."""
    rows = [row | {"tags": [tags[tag] for tag in row["tags"]]} for row in sound_corpus(n)]
    if tags is BMES:
        rows[0] = sequence("Ms/B-PER Ada/M-PER Haag/E-PER plays/O ./O", document_id="0")
    return rows


def flat(n: int = 30) -> list[dict]:
    """Return sequences in which 4 of 5 tokens have the tag O."""
    return [sequence(f"a{i}/O b/O c/O d/E-mail e/O", split=("train", "dev", "test")[i % 3]) for i in range(n)]


def first_finding(seen) -> str:
    return next(o.finding for o in seen.found.evidence.violations if o.rule == "illegal_transition")


def test_lower_case_spans_are_read_and_reported_in_the_profile(profiled):
    seen = profiled(spelled(LOWER), quality=LENIENT)

    assert seen.reasons == {}
    assert seen.found.scheme == SchemeChoice(
        declared="auto",
        detected="IOB2",
        used="IOB2",
        reason="fewest illegal transitions (of 180: 0 in IOB2, 60 in IOB1, 60 in IOBES); "
        "tags are spelled b-X, i-X and o",
        spelling=Spelling(pattern="b-X", letters="BIES", outside="o"),
    )


def test_an_illegal_sequence_in_another_spelling_is_found(profiled):
    rows = [*spelled(LOWER), sequence("x/o y/i-per"), sequence("x/b-per y/i-per"), sequence("x/o", tags=[])]

    seen = profiled(rows, quality=LENIENT)

    assert seen.reasons == {30: ["illegal_transition"], 32: ["length_mismatch"]}
    assert first_finding(seen) == "token 2: i-per cannot follow o in IOB2"


def test_a_tag_spelled_unlike_the_others_is_refused_by_name(profiled):
    seen = profiled([*spelled(LOWER), sequence("x/o y/B-PER")], quality=LENIENT)

    assert seen.reasons == {30: ["illegal_transition"]}
    assert first_finding(seen) == (
        "token 2: B-PER is not a tag in IOB2: it is spelled B-X, the others b-X; respell it, or declare "
        'tags.spelling = "B-X" if the others are wrong'
    )


def test_declared_tags_use_the_spelling_of_the_corpus(profiled):
    declared = list(LOWER.values())

    seen = profiled([*spelled(LOWER), sequence("x/o y/b-loc")], tags={"declared": declared}, quality=LENIENT)

    assert seen.reasons == {30: ["unknown_tag"]}


def test_tags_declared_in_another_spelling_are_explained(profiled):
    seen = profiled(spelled(LOWER), tags={"declared": ["O", "B-per", "I-per", "B-org"]}, quality=LENIENT)

    finding = next(o.finding for o in seen.found.evidence.violations if o.rule == "unknown_tag")
    assert finding == "token 1: tag b-per is declared as B-per; declare tags as the corpus spells them"


@pytest.mark.parametrize("scheme", ["bmes", "BIOES", "auto"])
def test_bmes_is_read_under_each_name_of_its_scheme(scheme, profiled):
    seen = profiled(spelled(BMES), tags={"scheme": scheme}, quality=LENIENT)

    assert seen.reasons == {}
    assert seen.found.scheme.used == "IOBES"
    assert seen.found.scheme.spelling.letters == "BMES"


def test_a_prefix_from_another_spelling_of_iobes_must_be_respelled(profiled):
    more = [sequence("u/B-PER v/M-PER w/E-PER"), sequence("x/B-PER y/I-PER z/E-PER")]

    seen = profiled([*spelled(BMES), *more], quality=LENIENT)

    assert first_finding(seen) == (
        "token 2: I-PER is not a tag in IOBES: prefix I- is not in use here (B-X, M-X, E-X, S-X and O); "
        "respell it"
    )


def test_the_scheme_of_an_unexpected_prefix_is_suggested(profiled):
    rows = [sequence(f"Ms{i}/B-PER van/M-PER Haag/E-PER", sequence_id=str(i)) for i in range(20)]

    seen = profiled(rows, tags={"scheme": "BIO"}, quality=LENIENT)

    assert first_finding(seen) == (
        "token 2: M-PER is not a tag in IOB2: prefix M- belongs to BMES; declare "
        'tags.scheme = "BMES", or "none" if tags label single tokens'
    )
    assert len(seen.reasons) == 20


def test_flat_labels_declared_as_spans_suggest_the_scheme_none(profiled):
    seen = profiled(flat(), tags={"scheme": "BIO"}, quality=LENIENT)

    assert first_finding(seen).endswith(
        "token 4: E-mail is not a tag in IOB2: prefix E- belongs to IOBES; declare tags.scheme = "
        '"IOBES", or "none" if tags label single tokens'
    )


def test_a_possible_outside_tag_suggests_the_key(profiled):
    rows = [
        row | {"tags": [t.replace("O", "-") if t == "O" else t for t in row["tags"]]}
        for row in sound_corpus()
    ]

    seen = profiled(rows, quality=LENIENT)
    read = profiled(rows, tags={"outside": "-"}, quality=LENIENT)

    assert first_finding(seen).endswith(
        'token 3: - is not a tag in IOB2, where O is the outside tag; declare tags.outside = "-" if this is '
        "it; if it marks untagged tokens, set tags.partial = true"
    )
    assert read.reasons == {}


@pytest.mark.parametrize("mark", ["-", "_", "?", "None"])
def test_a_mark_more_frequent_than_span_tags_does_not_make_labels_flat(mark, profiled):
    rows = [
        sequence(f"Ada/B-PER Haag/I-PER a{i}/{mark} b/{mark} c/{mark} d/O", document_id=str(i))
        for i in range(12)
    ]

    seen = profiled(rows, quality=LENIENT)
    partial = profiled(rows, tags={"partial": True, "unlabelled": mark}, quality=LENIENT)

    assert seen.found.scheme.used == "IOB2"
    assert set(seen.reasons) == set(range(12))
    assert "if it marks untagged tokens, set tags.partial = true" in first_finding(seen)
    assert partial.reasons == {}


def test_a_mark_other_than_the_declared_one_suggests_the_key(profiled):
    rows = [sequence(f"Ada/B-PER Haag/I-PER a{i}/_ b/_ c/_ d/O", document_id=str(i)) for i in range(12)]

    seen = profiled(rows, tags={"partial": True}, quality=LENIENT)

    assert first_finding(seen) == (
        'token 3: _ is not a tag in IOB2, where O is the outside tag; declare tags.outside = "_" if this is '
        'it; if it marks untagged tokens, set tags.unlabelled = "_"'
    )


def test_a_declared_spelling_is_used_if_the_tags_are_inconclusive(profiled):
    rows = [sequence(f"a{i}/x.B b/plain c/x.B", sequence_id=str(i)) for i in range(12)]

    seen = profiled(rows, tags={"spelling": "X.B", "outside": "plain"}, quality=LENIENT)

    assert (seen.reasons, seen.found.scheme.used) == ({}, "IOB2")


def test_a_dominant_flat_tag_warns(validated):
    result = validated(flat(), quality=LENIENT)

    assert result.profile.accepted
    assert result.profile.scheme.used == "none"
    assert result.rule("majority_tag") == RuleOutcome(
        rule="majority_tag",
        severity="warn",
        count=1,
        passed=False,
        message="expected: without a scheme, no tag covers more than 60.00% of the tokens, or accuracy "
        "means little; found: tag O covers 80.00% of the tokens, so always predicting it is 80.00% accurate; "
        'if the tags encode spans, set tags.scheme (such as "BIO") and tags.spelling (such as "b-X") to '
        "score span F1",
    )


def test_the_share_of_the_most_frequent_tag_that_warns_is_configurable(validated):
    result = validated(flat(), quality=LENIENT | {"max_majority_share": 0.8})

    assert result.rule("majority_tag").passed
    assert "majority_tag" not in result.profile.sentence


def test_a_dominant_outside_tag_does_not_warn(profiled):
    assert "majority_tag" not in profiled(sound_corpus(), quality=LENIENT).rules


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
def test_spans_in_an_unsupported_spelling_are_refused_by_name(validated, tags, said):
    result = validated(spelled(tags), quality=LENIENT)

    assert not result.profile.accepted
    assert said in result.profile.sentence
    assert 'declare tags.scheme = "none"' in result.profile.sentence
    labels = validated(spelled(tags), tags={"scheme": "none"}, quality=LENIENT)
    assert labels.profile.accepted


def doubts(seen) -> list[str]:
    return [o.finding for o in seen.found.evidence.violations if o.rule == "doubtful_tags"]


def test_a_mark_among_flat_labels_warns_unless_declared(profiled):
    rows = [sequence(f"a{i}/NOUN b/VERB c/_", document_id=str(i)) for i in range(12)]

    seen = profiled(rows, quality=LENIENT)
    declared = profiled(rows, tags={"declared": ["NOUN", "VERB", "_"]}, quality=LENIENT)

    assert doubts(seen) == [
        '_ labels 12 tokens; if it marks untagged tokens, set tags.partial = true and tags.unlabelled = "_"'
    ]
    assert seen.reasons == {}
    assert "doubtful_tags" in seen.rules
    assert "doubtful_tags" not in declared.rules


def test_spans_without_an_outside_tag_warn(profiled):
    rows = [sequence(f"Ada/B-PER Haag/I-PER a{i}/- b/-", document_id=str(i)) for i in range(12)]
    known = [sequence("a/O b/B-PER")]

    assert doubts(profiled(rows, tags={"partial": True}, quality=LENIENT)) == [
        "no token is tagged O and 24 are untagged, so the model will make every token part of a span; if the "
        "untagged tokens are outside spans, remove tags.partial and set tags.outside to their mark, or set "
        "tag_default"
    ]
    assert doubts(profiled(rows + known, tags={"partial": True}, quality=LENIENT)) == []
