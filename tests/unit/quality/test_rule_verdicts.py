"""Corpus verdicts: refusals, warnings, and their sentences."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from seqtag.corpus.corpus_profile import SplitSize
from seqtag.quality.split_metrics import tag_drift
from tests.unit.quality.conftest import sequence, sound_corpus, write_parts

LENIENT = {"min_tag_support": 0}


def wrong(n):
    return [sequence(f"a{i}/I-PER") for i in range(n)]


def test_a_budget_that_is_exactly_used_up_is_met(validated):
    result = validated([*sound_corpus(), *wrong(2)], quality=LENIENT | {"quarantine_budget": 2 / 32})

    assert result.profile.accepted is True
    assert result.rule("quarantine_budget").passed is True


def test_exceeding_the_budget_refuses_the_corpus_with_numbers(validated):
    result = validated([*sound_corpus(), *wrong(3)], quality=LENIENT | {"quarantine_budget": 0.05})

    assert result.profile.accepted is False
    assert result.profile.sentence == (
        "refused by quarantine_budget (at most 5.00% of the sequences are quarantined): "
        "9.09% (3 of 33 sequences), most by illegal_transition 3; "
        "first sequence a0/I-PER (row 30): token 1: I-PER cannot begin a sequence in IOB2."
    )
    assert len(result.quarantine) == 3


def test_a_rule_that_only_warns_is_not_blamed_for_exceeding_the_budget(validated):
    conflicts = [sequence(f"x/{tag}", sequence_id=f"c{i}") for i, tag in enumerate(["O", "B-ORG"] * 3)]

    result = validated(
        [*sound_corpus(), *wrong(3), *conflicts], quality=LENIENT | {"quarantine_budget": 0.05}
    )

    assert result.rule("conflicting_labels").count == 6
    assert "7.69% (3 of 39 sequences), most by illegal_transition 3; first" in result.profile.sentence


def test_an_empty_corpus_is_refused(validated):
    result = validated([])

    assert result.profile.accepted is False
    assert (
        "refused by empty_corpus (the corpus contains at least one sequence): 0 sequences"
        in result.profile.sentence
    )
    assert result.quarantine == []


def test_a_snapshot_without_parts_is_an_empty_corpus(validated):
    result = validated([], parts=[])

    assert result.rule("empty_corpus").passed is False


def test_too_few_sequences_after_quarantine_are_refused(validated):
    rows = [*sound_corpus(9), *wrong(1)]

    result = validated(rows, quality=LENIENT | {"quarantine_budget": 1.0})

    assert result.profile.accepted is False
    assert result.profile.sentence == (
        "refused by too_few_sequences (at least 10 sequences are left after quarantine): "
        "3 train, 3 dev, 3 test sequences; "
        "first sequence a0/I-PER (row 9): token 1: I-PER cannot begin a sequence in IOB2."
    )


def test_an_empty_split_is_refused(validated):
    rows = [row for row in sound_corpus(60) if row["split"] != "dev"]

    result = validated(rows, split={"mode": "official"}, quality=LENIENT)

    assert result.rule("empty_split").passed is False
    assert "20 train, 0 dev, 20 test sequences" in result.profile.sentence


def test_an_unknown_split_is_refused_and_shown(validated):
    result = validated([*sound_corpus(), sequence("a/O", split="validation")], quality=LENIENT)

    assert result.profile.accepted is False
    assert result.rule("unknown_split").count == 1
    assert "split validation is unknown" in result.page("violations.html")


def test_an_official_split_needs_a_label_on_every_sequence(validated):
    rows = [*sound_corpus(), sequence("a/O", split=None)]

    assert validated(rows, quality=LENIENT).profile.accepted is True
    assert validated(rows, split={"mode": "official"}, quality=LENIENT).rule("unknown_split").count == 1


def test_split_labels_are_ignored_if_documents_are_hashed(profiled):
    rows = [row | {"split": "nonsense"} for row in sound_corpus(90)]

    result = profiled(rows, split={"mode": "hash"}, quality=LENIENT)

    assert "unknown_split" not in result.rules
    assert sum(split.n_sequences for split in result.found.splits.values()) == 90


def test_a_wrong_schema_is_refused_naming_the_column(tmp_path, validated):
    parts = write_parts(tmp_path / "torn", sound_corpus())
    pq.write_table(pq.read_table(parts[1]).drop_columns(["tags"]), parts[1])

    result = validated([], parts=parts)

    assert result.profile.accepted is False
    assert result.profile.sentence == (
        "refused by schema (the snapshot's columns match the corpus schema): "
        "part-00001.parquet: column 'tags' is missing; expected type list<item: string>."
    )


def test_a_declared_extra_column_is_part_of_the_schema(profiled, tmp_path):
    parts = write_parts(tmp_path / "plain", sound_corpus())

    assert profiled([], parts=parts, columns=["genre"]).counts["schema"] == 2  # in both parts


def test_tags_that_are_rare_in_train_warn(validated):
    rows = [*sound_corpus(), sequence("a/B-LOC"), sequence("b/B-LOC", split="test")]

    result = validated(rows, quality={"min_tag_support": 2})

    assert result.rule("rare_tags").count == 1
    assert result.rule("rare_tags").message == (
        "expected: train contains every tag at least 2 times; "
        "found: 1 of 5 tags are rarer; first tag B-LOC, tokens in train: 1"
    )
    assert result.profile.accepted is True


def test_leakage_counts_dev_and_test_sequences_that_are_long_enough(validated):
    rows = sound_corpus()  # rows 0, 3, 6, ... are train
    rows += [
        rows[0] | {"sequence_id": "l1", "split": "dev"},
        rows[3] | {"sequence_id": "l2", "split": "test"},
    ]
    rows += [sequence("Thanks/O", split=split, sequence_id=split) for split in ("train", "dev", "test")]

    result = validated(rows, quality=LENIENT | {"max_leakage_share": 0.09})

    assert result.rule("leakage").count == 2
    assert result.rule("leakage").message.endswith("found: 9.09% of dev and 9.09% of test")
    assert result.rule("leakage").passed is False
    assert validated(rows, quality=LENIENT | {"max_leakage_share": 0.1}).rule("leakage").passed is True


def test_tags_are_compared_with_the_previous_snapshot(validated):
    first = validated(sound_corpus(), quality=LENIENT)
    shifted = [*sound_corpus(), *(sequence(f"x{i}/B-LOC " * 5) for i in range(30))]

    assert "tag_drift" not in first.names
    again = validated(sound_corpus(), quality=LENIENT, previous=first.profile)
    assert again.rule("tag_drift").message.endswith("found: 0.0000 bits")
    assert again.rule("tag_drift").passed is True
    drifted = validated(shifted, quality=LENIENT, previous=first.profile)
    assert drifted.rule("tag_drift").passed is False
    assert drifted.profile.accepted is True


def test_a_corpus_that_lost_more_than_a_fifth_of_its_sequences_is_refused(validated):
    first = validated(sound_corpus(), quality=LENIENT)  # 30 sequences

    assert "volume_loss" not in first.names
    grown = validated([*sound_corpus(), *(sequence(f"x{i}/O y/O") for i in range(9))], previous=first.profile)
    assert grown.rule("volume_loss").passed is True
    fewer = sound_corpus()[:22]
    lost = validated(fewer, quality=LENIENT, previous=first.profile)
    assert lost.rule("volume_loss").passed is False
    assert lost.rule("volume_loss").message.endswith("26.67% fewer")
    assert lost.profile.accepted is False
    assert "refused by volume_loss (at most 20.00% fewer sequences" in lost.profile.sentence
    allowed = validated(fewer, quality=LENIENT | {"max_volume_loss": 0.27}, previous=first.profile)
    assert allowed.profile.accepted is True


def test_drift_is_the_jensen_shannon_divergence_in_bits():
    # P = (1, 0), Q = (1/2, 1/2), M = (3/4, 1/4): (log2 4/3 + log2(2/3) / 2 + log2(2) / 2) / 2
    assert tag_drift({"O": 7}, {"O": 3, "B": 3}) == pytest.approx(0.3112781)


def test_split_sizes_are_those_after_quarantine(profiled):
    rows = [*sound_corpus(), sequence("once/I-PER upon/O a/O time/O there/O was/O")]

    result = profiled(rows, quality=LENIENT | {"quarantine_budget": 1.0})

    assert result.found.splits["train"] == SplitSize(
        n_sequences=10,
        n_tokens=50,
        n_types=23,  # Ms, plays, the full stop, ten Haags, ten Eliantis
        longest=5,
        mean_length=5.0,
        unlabelled=0,
        untagged=0,
    )
    assert result.found.tags == {
        tag: dict.fromkeys(("train", "dev", "test"), n)
        for tag, n in {"B-ORG": 10, "B-PER": 10, "I-PER": 10, "O": 20}.items()
    }
