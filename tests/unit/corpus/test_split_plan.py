"""The split of each sequence, for every combination of labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqtag.config import SPLITS, SplitConfig
from seqtag.corpus.split_plan import (
    SplitPlan,
    UnlabelledSplit,
    assign_splits,
    count_origins,
    describe_origins,
    origins_sentence,
    plan_splits,
)
from tests.unit.corpus.snapshots import batch_of, numbered, parts_of

WIDE = SplitConfig(test=0.2, dev=0.4)

# The hashes of these documents lie in the ranges of test, dev and train of WIDE.
OF_LABEL = {
    None: (0, 1, 2),  # 0.147, 0.501, 0.891
    "train": (14, 4, 3),  # 0.185, 0.582, 0.661
    "dev": (21, 7, 5),  # 0.194, 0.248, 0.615
    "test": (22, 8, 6),  # 0.040, 0.549, 0.868
}
TRAIN, DEV, TEST = ["train"] * 3, ["dev"] * 3, ["test"] * 3
BOTH, ONLY_DEV, ONLY_TEST = ["test", "dev", "train"], ["train", "dev", "train"], ["test", "train", "train"]


def assigned(parts: list[Path], batch: pa.RecordBatch, config: SplitConfig = WIDE) -> list[str]:
    return assign_splits(batch, plan=plan_splits(parts, config)).to_pylist()


@pytest.mark.parametrize(
    ("mode", "expected", "source"),
    [
        ("auto", {None: BOTH}, "sequences without a split label"),
        ("auto", {"train": BOTH}, "labelled train"),
        ("auto", {"train": ONLY_TEST, "dev": DEV}, "labelled train"),
        ("auto", {"train": ONLY_DEV, "test": TEST}, "labelled train"),
        ("auto", {"train": TRAIN, "dev": DEV, "test": TEST}, None),
        ("auto", {"train": TRAIN, None: BOTH}, "sequences without a split label"),
        ("auto", {"train": TRAIN, "dev": DEV, None: ONLY_TEST}, "sequences without a split label"),
        ("auto", {"train": TRAIN, "test": TEST, None: ONLY_DEV}, "sequences without a split label"),
        ("auto", {"train": TRAIN, "dev": DEV, "test": TEST, None: TRAIN}, None),
        ("auto", {"dev": DEV, None: ONLY_TEST}, "sequences without a split label"),
        ("auto", {"test": TEST, None: ONLY_DEV}, "sequences without a split label"),
        ("auto", {"dev": DEV, "test": TEST, None: TRAIN}, None),
        ("auto", {"dev": DEV}, "labelled train"),
        ("auto", {"test": TEST}, "labelled train"),
        ("auto", {"dev": DEV, "test": TEST}, None),
        ("official", {"train": TRAIN, "dev": DEV, "test": TEST}, None),
        ("hash", {"train": BOTH, "dev": BOTH, "test": BOTH}, "sequences whose labels are ignored"),
        ("hash", {"train": BOTH, None: BOTH}, "sequences whose labels are ignored"),
    ],
)
def test_labels_decide_and_the_rest_is_split_off(mode, expected, source, tmp_path):
    labels = [label for label in expected for _ in range(3)]
    documents = [f"document {i}" for label in expected for i in OF_LABEL[label]]
    batch = batch_of(documents, split=labels)
    plan = plan_splits(parts_of(tmp_path, batch), WIDE.model_copy(update={"mode": mode}))

    split = assign_splits(batch, plan=plan)

    assert split.to_pylist() == [name for names in expected.values() for name in names]
    splits = describe_origins(
        plan, count_origins(plan.labels(batch), pc.index_in(split, pa.array(SPLITS)).to_numpy())
    )
    assert {one.source for one in splits} == ({source} if source else set())


def test_the_split_of_a_document_never_changes(tmp_path):
    # the hashes lie at 0.147, 0.501, 0.891, 0.661, 0.582, 0.615, 0.868, 0.248, 0.549, 0.783
    batch = batch_of(numbered(10))
    assert assigned(parts_of(tmp_path, batch), batch) == (
        ["test", "dev", "train", "train", "dev", "train", "train", "dev", "dev", "train"]
    )


def test_adding_documents_moves_no_others(tmp_path):
    few, many = batch_of(numbered(100)), batch_of(numbered(1000)[::-1])
    assert assigned(parts_of(tmp_path, many), many)[::-1][:100] == assigned(parts_of(tmp_path, few), few)


def test_sequences_of_one_document_stay_together(tmp_path):
    batch = batch_of(["a"] * 500 + ["b"] * 500)
    split = assigned(parts_of(tmp_path, batch), batch)
    assert len({*split[:500]}) == len({*split[500:]}) == 1


def test_shares_are_as_configured(tmp_path):
    batch = batch_of(numbered(20_000))
    split = assigned(parts_of(tmp_path, batch), batch, SplitConfig(dev=0.2, test=0.1))
    shares = {name: split.count(name) / 20_000 for name in SPLITS}
    assert shares == pytest.approx({"train": 0.7, "dev": 0.2, "test": 0.1}, abs=0.01)


def test_unlabelled_sequences_follow_their_document_into_train(tmp_path):
    """Documents 0 and 14 lie in the range of test, 1 in that of dev; 0 and 1 are partly labelled train."""
    documents = [f"document {i}" for i in (0, 0, 1, 14, 1)]
    batch = batch_of(documents, split=[None, "train", None, None, "train"])
    expected = ["train", "train", "train", "test", "train"]
    assert assigned(parts_of(tmp_path, batch), batch) == expected
    apart = [batch.slice(i, 1) for i in range(5)]
    assert assigned(parts_of(tmp_path, *apart), batch) == expected


def test_a_later_label_moves_its_document_from_test_to_train(tmp_path):
    before = batch_of(["document 0", "document 3"], split=[None, "train"])
    after = batch_of(["document 0", "document 3", "document 0"], split=[None, "train", "train"])
    assert assigned(parts_of(tmp_path, before), before) == ["test", "train"]
    assert assigned(parts_of(tmp_path, after), after) == ["train", "train", "train"]


def test_nothing_joins_a_labelled_split(tmp_path):
    batch = batch_of(["document 0", "document 0", "document 14"], split=["test", None, None])
    assert assigned(parts_of(tmp_path, batch), batch) == ["test", "train", "train"]


def test_an_unknown_split_name_is_not_a_label(tmp_path):
    batch = batch_of(["document 0", "document 1"], split=["valid", "valid"])
    assert assigned(parts_of(tmp_path, batch), batch) == ["test", "dev"]


def test_only_documents_that_would_be_in_dev_or_test_are_stored(tmp_path):
    batch = batch_of(numbered(10) * 2, split=["train"] * 10 + [None] * 10)
    plan = plan_splits(parts_of(tmp_path, batch), WIDE)
    assert (plan.train_documents * 2.0**-64).round(3).tolist() == [0.147, 0.248, 0.501, 0.549, 0.582]


@pytest.mark.parametrize(
    ("labels", "mode"),
    [
        (["train", "train", "test"], "auto"),
        (["train", "dev", "test"], "auto"),
        (["dev", "test", None], "auto"),
        (["train", None, None], "hash"),
    ],
)
def test_nothing_is_stored_if_nothing_is_split_off_from_unlabelled_sequences(labels, mode, tmp_path):
    parts = parts_of(tmp_path, batch_of(numbered(3), split=labels))
    assert len(plan_splits(parts, WIDE.model_copy(update={"mode": mode})).train_documents) == 0


def test_labels_are_counted_over_all_parts(tmp_path):
    parts = parts_of(tmp_path, batch_of(["a"], split=["train"]), batch_of(["b", "c"], split=["test", None]))
    plan = plan_splits(parts, SplitConfig())
    assert (plan.n_labelled, plan.n_unlabelled) == ({"train": 1, "dev": 0, "test": 1}, 1)
    assert plan.split_off == ("dev",)


def test_the_origins_sentence_gives_both_numbers():
    plan = SplitPlan(SplitConfig(), {"train": 12_000, "dev": 0, "test": 500}, 0, np.zeros(0, np.uint64))
    origins = np.array([[0, 0, 0], [10_796, 1204, 0], [0, 0, 0], [0, 0, 500]])
    splits = describe_origins(plan, origins)
    assert splits == (UnlabelledSplit("dev", n_sequences=1204, source="labelled train", n_source=12_000),)
    assert origins_sentence(splits) == "dev: 1,204 sequences split off from 12,000 labelled train"


LABELS = st.sampled_from([None, "train", "dev", "test", "valid"])
ROWS = st.lists(st.tuples(st.integers(0, 39), LABELS), min_size=1, max_size=40)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_labels_are_kept_and_splits_without_labels_share_no_document(rows, tmp_path_factory):
    batch = batch_of([f"document {i}" for i, _ in rows], split=[label for _, label in rows])
    parts = parts_of(tmp_path_factory.mktemp("corpus"), batch)
    plan = plan_splits(parts, WIDE)
    split = assign_splits(batch, plan=plan).to_pylist()

    for (_, label), name in zip(rows, split, strict=True):
        if label in ("dev", "test"):
            assert name == label
        if label == "train" and plan.pool != "train":
            assert name == "train"
    dev_or_test = {
        document for (document, _), name in zip(rows, split, strict=True) if name in plan.split_off
    }
    for (document, label), name in zip(rows, split, strict=True):
        if document in dev_or_test and label not in ("dev", "test"):
            assert name in plan.split_off
