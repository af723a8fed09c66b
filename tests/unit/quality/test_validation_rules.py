"""Each rule, on a sound corpus with a single defect."""

from __future__ import annotations

import pytest

from seqtag.corpus.corpus_profile import AmbiguousShare, QuarantineSize, RuleOutcome
from tests.unit.quality.conftest import sequence, sound_corpus

LENIENT = {"quarantine_budget": 1.0, "min_tag_support": 0}


def test_a_sound_corpus_is_accepted_without_warnings(validated):
    result = validated(sound_corpus(), quality={"min_tag_support": 1})

    assert result.profile.accepted is True
    assert result.profile.sentence == (
        "accepted: 10 train, 10 dev, 10 test sequences; 0.00% (0 of 30 sequences) quarantined."
    )
    assert result.quarantine == []
    assert [rule.rule for rule in result.profile.rules if not rule.passed] == []
    assert result.profile.expectations.failed == 0


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        (sequence("a/O", defect="corpus.txt:9: found 1 column, expected 2"), "broken_sequence"),
        (sequence("a/O b/O", tags=["O"]), "length_mismatch"),
        (sequence("a/O b/O", tags=["O", None]), "missing_tag"),
        (sequence("a/O b/O", tags=["O", ""]), "missing_tag"),
        (sequence("a/O b/O", tags=None), "length_mismatch"),
        (sequence("a/O b/O", tokens=["a", None]), "empty_token"),
        (sequence("a/O b/O", tokens=["a", ""]), "empty_token"),
        (sequence("a/O", tokens=[], tags=[]), "empty_token"),
        (sequence("a/O b/I-PER"), "illegal_transition"),
        (sequence("a/I-PER"), "illegal_transition"),
        (sequence("a/B-PER b/I-ORG"), "illegal_transition"),
        (sequence("a/B-PER b/E-PER"), "illegal_transition"),
        (sequence("a/O " * 6), "over_long"),
        (sound_corpus()[4], "duplicate_id"),
    ],
)
def test_one_wrong_sequence_is_quarantined_for_its_reason(wrong, rule, profiled):
    seen = profiled([*sound_corpus(), wrong], quality=LENIENT | {"max_length": 5})

    assert seen.reasons == {30: [rule]}
    assert seen.quarantine[0]["tokens"] == wrong["tokens"]
    assert seen.quarantine[0]["defect"] == wrong["defect"]
    assert seen.counts[rule] == 1
    assert seen.found.quarantined == QuarantineSize(
        n_sequences=1,
        share=1 / 31,
        budget=1.0,
        by_rule=dict.fromkeys(seen.found.quarantined.by_rule, 0) | {rule: 1},
    )


def test_different_sequences_with_one_id_are_all_quarantined(profiled):
    """They may be fragments of one sequence whose rows are not adjacent."""
    pieces = [sequence(text, sequence_id="torn") for text in ("a/O b/O", "c/O", "a/O b/O")]

    seen = profiled([*sound_corpus(), *pieces], quality=LENIENT)

    assert seen.reasons == {row: ["duplicate_id"] for row in (30, 31, 32)}


def test_equal_tokens_with_one_id_and_different_tags_are_all_quarantined(profiled):
    pieces = [sequence(text, sequence_id="twice") for text in ("a/O b/O", "a/O b/B-PER")]

    seen = profiled([*sound_corpus(), *pieces], quality=LENIENT | {"rules": {"conflicting_labels": "off"}})

    assert seen.reasons == {row: ["duplicate_id"] for row in (30, 31)}


def test_each_split_may_number_its_sequences_from_one(profiled):
    rows = [
        sequence(f"{split}/O w{n}/O", sequence_id=str(n), split=split)
        for split in ("train", "dev", "test")
        for n in range(1, 6)
    ]

    assert profiled(rows, quality=LENIENT).reasons == {}


def test_ids_are_global_if_the_source_names_no_splits(profiled):
    rows = [
        sequence(f"{source}/O w{n}/O", sequence_id=str(n), split=None) for source in "ab" for n in range(9)
    ]

    assert set(profiled(rows, quality=LENIENT).reasons) == set(range(18))


def test_a_tag_outside_the_declared_set_is_quarantined(profiled):
    rows = [*sound_corpus(), sequence("a/B-LOC")]

    seen = profiled(rows, tags={"declared": ["O", "B-PER", "I-PER", "B-ORG", "I-ORG"]}, quality=LENIENT)

    assert seen.reasons == {30: ["unknown_tag"]}
    assert seen.found.tags["I-ORG"] == {"train": 0, "dev": 0, "test": 0}
    assert "B-LOC" not in seen.found.tags


def test_without_a_declared_set_no_tag_is_unknown(profiled):
    seen = profiled([*sound_corpus(), sequence("a/B-LOC")], quality=LENIENT)

    assert "unknown_tag" not in seen.rules
    assert seen.quarantine == []


def test_contradictory_sequences_are_all_quarantined_if_configured(profiled):
    same = [sequence("x/O y/O", sequence_id=f"c{i}") for i in range(3)]
    other = sequence("x/B-PER y/O", sequence_id="c3")

    rules = {"conflicting_labels": "quarantine"}
    seen = profiled([*sound_corpus(), *same, other], quality=LENIENT | {"rules": rules})

    assert seen.reasons == {row: ["conflicting_labels"] for row in range(30, 34)}


def test_contradictory_sequences_only_warn_by_default(validated):
    """8 of 58 tokens, in 4 of 14 sequences; one of the four test sequences."""
    same = [sequence("x/O y/O", sequence_id=f"c{i}") for i in range(3)]
    other = sequence("x/B-PER y/O", sequence_id="c3", split="test")

    result = validated([*sound_corpus(10), *same, other], quality=LENIENT)

    assert result.quarantine == []
    assert result.rule("conflicting_labels") == RuleOutcome(
        rule="conflicting_labels",
        severity="warn",
        count=4,
        passed=False,
        message="expected: the same tokens have the same tags wherever they occur; found: "
        "4 of 14 sequences (28.57%), with 13.79% of the tokens, also occur with other tags",
    )
    assert result.profile.ambiguity.test == AmbiguousShare(
        n_sequences=1,
        n_received=4,
        share=0.25,
        n_tokens=2,
        token_share=2 / 17,
    )


def test_identical_sequences_with_identical_tags_are_duplicates_and_kept(validated):
    rows = [*sound_corpus(6), *(sequence("x/O y/O", sequence_id=f"c{i}") for i in range(4))]

    result = validated(rows, quality=LENIENT | {"max_duplicate_share": 0.29})

    assert result.quarantine == []
    assert result.rule("duplicates").count == 3
    assert result.rule("duplicates").passed is False  # 3 of 10
    assert result.profile.accepted is True


def test_a_broken_sequence_does_not_disqualify_a_sound_one(profiled):
    """Neither as the first holder of an id, nor through its unreliable tags."""
    broken = sequence("x/O y/O", sequence_id="same", tags=["O"])
    sound = sequence("x/O y/O", sequence_id="same")

    seen = profiled([*sound_corpus(), broken, sound], quality=LENIENT)

    assert seen.reasons == {30: ["length_mismatch"]}


def test_all_reasons_are_listed(profiled):
    wrong = sequence("a/O", defect="torn", tokens=["a", ""], tags=["FOO"])

    seen = profiled(
        [*sound_corpus(), wrong], tags={"declared": ["O", "B-PER", "I-PER", "B-ORG"]}, quality=LENIENT
    )

    assert seen.reasons == {30: ["broken_sequence", "length_mismatch", "empty_token", "unknown_tag"]}


def test_quarantine_keeps_further_columns(profiled):
    rows = [row | {"genre": "news"} for row in sound_corpus()] + [sequence("a/I-X", genre="web")]

    seen = profiled(rows, columns=["genre"], quality=LENIENT)

    assert [(row["row"], row["genre"]) for row in seen.quarantine] == [(30, "web")]


def test_a_rule_set_to_warn_keeps_the_rows_and_warns(validated):
    rows = [*sound_corpus(), sequence("a/I-PER")]

    result = validated(rows, quality=LENIENT | {"rules": {"illegal_transition": "warn"}})

    assert result.quarantine == []
    assert result.rule("illegal_transition").count == 1
    assert result.profile.splits["train"].n_sequences == 11
    assert result.profile.accepted is True
    assert result.profile.sentence.endswith("; warnings: illegal_transition.")


def test_a_rule_set_to_fail_refuses_the_corpus_for_one_sequence(validated):
    rows = [*sound_corpus(), sequence("a/I-PER")]

    result = validated(rows, quality=LENIENT | {"rules": {"illegal_transition": "fail"}})

    assert result.profile.accepted is False
    assert result.profile.sentence == (
        "refused by illegal_transition (every tag may follow the tag before it in scheme IOB2): "
        "1 of 31 sequences break it; first sequence a/I-PER (row 30): "
        "token 1: I-PER cannot begin a sequence in IOB2."
    )
    assert {row["row"]: row["reasons"] for row in result.quarantine} == {30: ["illegal_transition"]}


def test_a_rule_set_to_off_is_not_checked(profiled):
    rows = [*sound_corpus(), sequence("a/I-PER")]

    seen = profiled(rows, quality=LENIENT | {"rules": {"illegal_transition": "off"}})

    assert "illegal_transition" not in seen.rules
    assert seen.quarantine == []


def test_tags_are_checked_against_the_declared_scheme(profiled):
    rows = [*sound_corpus(), sequence("a/O b/I-PER")]  # legal in IOB1, where a span begins with I

    declared = profiled(rows, tags={"scheme": "IOB1"}, quality=LENIENT)

    assert declared.found.quarantined.by_rule["illegal_transition"] == 30  # all but the last
    assert declared.found.scheme.used == "IOB1"
    assert declared.found.scheme.detected == "IOB2"
    assert declared.found.scheme.sentence.startswith(
        "scheme IOB1: as declared, although the tags look like IOB2: fewest illegal transitions"
    )


def test_a_corpus_in_iob1_is_detected(profiled):
    rows = [
        sequence(f"U.N{i}/I-ORG official/O Ekeus{i}/I-PER", split=s)
        for i in range(8)
        for s in ("train", "dev")
    ]
    rows += [sequence("in/O Baghdad/I-LOC Iraq/B-LOC", split="test")]
    rows += [sequence("a/O b/B-LOC")]

    seen = profiled(rows, quality=LENIENT | {"rules": {"duplicate_id": "off"}})

    assert seen.found.scheme.used == "IOB1"
    assert seen.reasons == {17: ["illegal_transition"]}
    assert "1 in IOB1" in seen.found.scheme.reason


def test_flat_tags_have_no_illegal_transitions(profiled):
    rows = [sequence(f"dogs{i}/NOUN bark/VERB", split=s) for i in range(6) for s in ("train", "dev", "test")]

    seen = profiled(rows, quality=LENIENT | {"rules": {"duplicate_id": "off"}})

    assert seen.found.scheme.used == "none"
    assert "illegal_transition" not in seen.rules


def test_too_few_test_documents_for_a_promotion_warn_and_suggest_a_fix(validated):
    result = validated(sound_corpus(), fewest_test_documents=13)

    assert result.profile.accepted
    assert result.profile.sentence.endswith(
        "; warnings: few_test_documents (test contains 10 documents, fewer than the 13 a promotion needs; "
        "set document_column or documents in the source, raise split.test, or label more sequences as test)."
    )
    assert "test contains 10 documents, fewer than the 13" in result.page("index.html")


@pytest.mark.parametrize(
    ("n", "document", "fewest", "is_warned"),
    [(39, None, 13, False), (36, None, 13, True), (39, "one", 13, True), (36, None, 0, False)],
)
def test_test_documents_are_counted_as_the_gate_resamples_them(n, document, fewest, is_warned, profiled):
    rows = [row | ({"document_id": document} if document else {}) for row in sound_corpus(n)]
    seen = profiled(rows, fewest_test_documents=fewest)

    assert seen.counts["few_test_documents"] == int(is_warned)
    assert ("few_test_documents" in seen.rules) == (fewest > 0)


def test_copies_of_a_sequence_in_several_documents_count_as_one_document(profiled):
    rows = sound_corpus(39)
    copies = [
        row | {"sequence_id": f"copy{i}", "document_id": f"copy{i}"} for i, row in enumerate(rows[2::3])
    ]
    rows = [*rows[:36], *copies]

    assert profiled(rows, fewest_test_documents=14).counts["few_test_documents"] == 1
