"""Encoding of splits as padded ids in length buckets, and reading them back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqtag.config import FeaturesConfig
from seqtag.errors import CorpusFormatError, RunDirError
from seqtag.features import (
    Bucket,
    TagIndex,
    Vocabulary,
    encode_corpus,
    encoded_reader,
    encoding,
    index_corpus,
    read_encoded,
    read_word_types,
    stitched,
)
from seqtag.features.encoded_layout import bucket_file, encoded_schema
from tests.unit.features.conftest import WriteSplit
from tests.unit.io.test_mapped_memory import resident

SMALL = FeaturesConfig(min_count=1, bucket_lengths=(2, 4), window_overlap=2)


def encoded(
    split: Path, folder: Path, *, train: Path | None = None, config: FeaturesConfig = SMALL
) -> tuple[list[Bucket], Vocabulary, TagIndex]:
    """Index `train` (by default the split itself), then encode and read the split."""
    folder.mkdir(exist_ok=True)
    vocabulary, tags = index_corpus(
        train or split, declared=None, previous=(), scheme="none", config=config, folder=folder
    )
    encode_corpus({"train": split}, vocabulary, tags, config=config, folder=folder)
    buckets = read_encoded(folder / "train", vocabulary_digest=vocabulary.digest, tags_digest=tags.digest)
    return buckets, vocabulary, tags


def test_each_sequence_is_padded_to_its_bucket(write_split: WriteSplit, tmp_path: Path) -> None:
    tokens = [["a", "a"], ["b", "a", "c"], ["a"]]
    tags = [["X", "Y"], ["X", "X", "X"], ["Y"]]
    encoded(write_split(tokens, tags, rows=[10, 11, 15]), tmp_path / "out")
    common = {"start": [0, 0], "keep_start": [0, 0], "weight": [1.0, 1.0]}
    assert pq.read_table(tmp_path / "out/train/length=2/part-0.parquet", partitioning=None).to_pydict() == {
        **common,
        "row": [10, 15],
        "sequence": [0, 2],
        "length": [2, 1],
        "keep_stop": [2, 1],
        "token_ids": [[2, 2], [2, 0]],
        "word_type_ids": [[1, 1], [1, 0]],
        "tag_ids": [[0, 1], [1, 0]],
    }
    assert pq.read_table(tmp_path / "out/train/length=4/part-0.parquet", partitioning=None).to_pydict() == {
        "start": [0],
        "keep_start": [0],
        "weight": [1.0],
        "row": [11],
        "sequence": [1],
        "length": [3],
        "keep_stop": [3],
        "token_ids": [[3, 2, 4, 0]],
        "word_type_ids": [[2, 1, 3, 0]],
        "tag_ids": [[0, 0, 0, 0]],
    }


def test_lists_and_elements_are_non_null_and_metadata_hold_the_digests(
    write_split: WriteSplit, tmp_path: Path
) -> None:
    _, vocabulary, tags = encoded(write_split([["a"]], [["X"]]), tmp_path / "out")
    schema = pq.read_schema(tmp_path / "out/train/length=2/part-0.parquet")
    for name in ("token_ids", "word_type_ids", "tag_ids"):
        assert schema.field(name).type == pa.list_(pa.field("element", pa.int32(), nullable=False), 2)
        assert not schema.field(name).nullable
    assert schema.metadata[b"seqtag.vocabulary"].decode() == vocabulary.digest
    assert schema.metadata[b"seqtag.tags"].decode() == tags.digest
    assert schema.metadata[b"seqtag.bucket"] == b"2"


def test_a_sequence_longer_than_the_last_bucket_becomes_windows(
    write_split: WriteSplit, tmp_path: Path
) -> None:
    train = write_split([["a"], list("aabbcc")], [["X"], ["X"] * 6])
    buckets, _, _ = encoded(train, tmp_path / "out")
    long = buckets[1]
    assert long.windows.sequence.tolist() == [1, 1]
    assert long.windows.start.tolist() == [0, 2]
    assert long.token_ids.tolist() == [[2, 2, 3, 3], [3, 3, 4, 4]]
    assert long.word_type_ids.tolist() == [[1, 1, 2, 2], [2, 2, 3, 3]]
    assert long.windows.keep_start.tolist() == [0, 1]
    assert long.windows.keep_stop.tolist() == [3, 4]


def test_tokens_and_tags_that_are_not_in_train_are_unknown_in_dev(
    write_split: WriteSplit, tmp_path: Path
) -> None:
    train = write_split([["a", "b"]], [["X", "Y"]])
    dev = write_split([["b", "new"], ["a"]], [["Z", "Y"], None], name="dev")
    buckets, _, _ = encoded(dev, tmp_path / "out", train=train)
    assert buckets[0].token_ids.tolist() == [[3, 1], [2, 0]]
    assert buckets[0].tag_ids.tolist() == [[-1, 1], [-2, 0]]  # Z, and no tag


def test_word_types_are_those_of_the_split_whether_in_the_vocabulary_or_not(
    write_split: WriteSplit, tmp_path: Path
) -> None:
    config = FeaturesConfig(min_count=1, fold="case-digits", bucket_lengths=(4,), window_overlap=0)
    train = write_split([["paris", "paris", "1999"]], [["X"] * 3])
    dev = write_split([["Paris", "new", "2024", "PARIS"]], [["X"] * 4], name="dev")
    buckets, _, _ = encoded(dev, tmp_path / "out", train=train, config=config)
    assert buckets[0].token_ids.tolist() == [[2, 1, 3, 2]]
    assert buckets[0].word_type_ids.tolist() == [[1, 2, 3, 4]]
    assert read_word_types(tmp_path / "out/train").to_pylist() == ["Paris", "new", "2024", "PARIS"]


def weighted(split: Path, folder: Path, weights: pa.Array) -> list[Bucket]:
    """Encode a split with a column of weights."""
    pq.write_table(pq.read_table(split).append_column("w", weights), split)
    folder.mkdir()
    vocabulary, tags = index_corpus(
        split, declared=None, previous=(), scheme="none", config=SMALL, folder=folder
    )
    encode_corpus({"train": split}, vocabulary, tags, config=SMALL, folder=folder, weight_column="w")
    return read_encoded(folder / "train", vocabulary_digest=vocabulary.digest, tags_digest=tags.digest)


def test_an_untagged_token_has_a_separate_id(write_split: WriteSplit, tmp_path: Path) -> None:
    train = write_split([["a", "b"], ["a"]], [["X", "Y"], ["X"]])
    dev = write_split([["a", "b", "c"], ["a"]], [["Z", None, "Y"], None], name="dev")
    buckets, _, tags = encoded(dev, tmp_path / "out", train=train)
    assert tags.tags == ("X", "Y")
    assert [bucket.tag_ids.tolist() for bucket in buckets] == [[[-2, 0]], [[-1, -2, 1, 0]]]


def test_every_window_of_a_sequence_has_its_weight(write_split: WriteSplit, tmp_path: Path) -> None:
    split = write_split([["a"], ["a"] * 6, ["b"]], [["X"], ["X"] * 6, ["X"]])
    short, long = weighted(split, tmp_path / "out", pa.array(["0.5", "2", "0"]))
    assert short.weight.tolist() == [0.5, 0.0]
    assert long.weight.tolist() == [2.0, 2.0]


@pytest.mark.parametrize(
    ("weight", "said"),
    [
        ("-1", r"weight is invalid in column w: .*, got -1 \(row 11\)"),
        ("inf", r"weight is invalid in column w: .*, got inf \(row 11\)"),
        (None, r"weight is invalid in column w: .*, got None \(row 11\)"),
        ("much", "column w is not numeric: "),
    ],
)
def test_a_weight_must_be_a_finite_number_of_at_least_zero(
    write_split: WriteSplit, tmp_path: Path, weight: str | None, said: str
) -> None:
    split = write_split([["a"], ["a"]], [["X"], ["X"]], rows=[10, 11])
    with pytest.raises(CorpusFormatError, match=rf"train\.parquet: {said}"):
        weighted(split, tmp_path / "out", pa.array(["1", weight], pa.string()))


def test_an_empty_sequence_has_no_window_but_has_a_position(write_split: WriteSplit, tmp_path: Path) -> None:
    buckets, _, _ = encoded(write_split([[], ["a"]], [[], ["X"]]), tmp_path / "out")
    assert buckets[0].windows.sequence.tolist() == [1]


def test_bytes_do_not_depend_on_the_row_groups_of_the_split(
    write_split: WriteSplit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoding, "_CELLS_A_ROW_GROUP", 64)
    tokens = [[f"w{i * j % 11}" for j in range(i % 12)] for i in range(1, 200)]
    tags = [["X"] * len(sequence) for sequence in tokens]
    written = {}
    for size in (199, 23):
        encoded(write_split(tokens, tags, row_group_size=size), tmp_path / f"out{size}")
        files = sorted((tmp_path / f"out{size}").rglob("*.parquet"))
        written[size] = {path.relative_to(tmp_path / f"out{size}"): path.read_bytes() for path in files}
    assert written[199] == written[23]
    metadata = pq.read_metadata(tmp_path / "out199/train/length=4/part-0.parquet")
    assert metadata.num_row_groups > 5
    assert metadata.row_group(0).num_rows == 16  # 64 cells in rows of 4


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(
    sequences=st.lists(st.lists(st.sampled_from("abcde"), max_size=15), min_size=1, max_size=12),
    row_group_size=st.integers(1, 5),
)
def test_decoding_restores_the_tokens(
    write_split: WriteSplit, tmp_path: Path, sequences: list[list[str]], row_group_size: int
) -> None:
    sequences = [*sequences, ["a"]]
    tags = [[token.upper() for token in tokens] for tokens in sequences]
    split = write_split(sequences, tags, row_group_size=row_group_size)
    folder = Path(str(tmp_path / "out"))
    for old in folder.rglob("*.parquet"):
        old.unlink()
    buckets, vocabulary, index = encoded(split, folder)
    offsets = np.concatenate([[0], np.cumsum([len(tokens) for tokens in sequences])]).astype(np.int64)
    token_ids = stitched([(r.windows, r.token_ids) for r in buckets], offsets=offsets, dtype=np.int32)
    tag_ids = stitched([(r.windows, r.tag_ids) for r in buckets], offsets=offsets, dtype=np.int32)
    symbols = vocabulary.words.symbols.to_pylist()
    assert [symbols[i] for i in token_ids] == [token for tokens in sequences for token in tokens]
    word_type_ids = stitched([(r.windows, r.word_type_ids) for r in buckets], offsets=offsets, dtype=np.int32)
    word_types = ["<pad>", *read_word_types(folder / "train").to_pylist()]
    assert [word_types[i] for i in word_type_ids] == [token for tokens in sequences for token in tokens]
    assert [index.tags[i] for i in tag_ids] == [tag for sequence in tags for tag in sequence]


def test_a_dictionary_and_pad_sequences_give_the_same_rows(write_split: WriteSplit, tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    sequences = [[f"w{k}" for k in random.zipf(1.5, n) % 50] for n in random.integers(1, 17, 300)]
    tags = [["X" if token < "w3" else "Y" for token in tokens] for tokens in sequences]
    config = FeaturesConfig(min_count=1, fold="none", bucket_lengths=(4, 8, 16), window_overlap=4)
    split = write_split(sequences, tags, row_group_size=70)
    buckets, vocabulary, index = encoded(split, tmp_path / "out", config=config)
    word2idx = {word: i for i, word in enumerate(vocabulary.words.symbols.to_pylist())}
    tag2idx = {tag: i for i, tag in enumerate(index.tags)}
    x = pad_sequences([[word2idx[token] for token in tokens] for tokens in sequences], maxlen=16)
    y = pad_sequences([[tag2idx[tag] for tag in sequence] for sequence in tags], maxlen=16)
    assert sorted(position for bucket in buckets for position in bucket.windows.sequence) == list(range(300))
    for bucket in buckets:
        assert (bucket.token_ids == x[bucket.windows.sequence, : bucket.length]).all()
        assert (bucket.tag_ids == y[bucket.windows.sequence, : bucket.length]).all()
        assert not x[bucket.windows.sequence, bucket.length :].any()


def pad_sequences(sequences: Sequence[Sequence[int]], *, maxlen: int) -> np.ndarray:
    """Pad on the right, as `keras.utils.pad_sequences(..., padding="post")` does."""
    rows = np.zeros((len(sequences), maxlen), dtype=np.int32)
    for i, sequence in enumerate(sequences):
        rows[i, : len(sequence)] = sequence
    return rows


def test_the_shortest_bucket_comes_first(write_split: WriteSplit, tmp_path: Path) -> None:
    config = FeaturesConfig(min_count=1, bucket_lengths=(2, 10, 100), window_overlap=0)
    train = write_split([["a"] * n for n in (50, 5, 1)], [["X"] * n for n in (50, 5, 1)])
    buckets, _, _ = encoded(train, tmp_path / "out", config=config)
    assert [(bucket.length, bucket.token_ids.shape) for bucket in buckets] == [
        (2, (1, 2)),
        (10, (1, 10)),
        (100, (1, 100)),
    ]


def test_windows_in_a_file_are_those_in_memory(
    write_split: WriteSplit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoded_reader, "_LARGEST_IN_MEMORY", 0)
    split = write_split([["a"] * n for n in (1, 3, 9)], [["X", *[None] * (n - 1)] for n in (1, 3, 9)])
    buckets, vocabulary, tags = encoded(split, tmp_path / "out")
    (tmp_path / "scratch").mkdir()
    mapped = read_encoded(
        tmp_path / "out" / "train",
        vocabulary_digest=vocabulary.digest,
        tags_digest=tags.digest,
        scratch=tmp_path / "scratch",
    )
    for one, other in zip(buckets, mapped, strict=True):
        other.release()
        for name in ("row", "weight", "token_ids", "word_type_ids", "tag_ids"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        for window in fields(one.windows):
            np.testing.assert_array_equal(
                getattr(one.windows, window.name), getattr(other.windows, window.name)
            )
        assert one.n_loss_tokens == other.n_loss_tokens
    assert list((tmp_path / "scratch").iterdir()) == []


def test_reading_windows_into_a_file_takes_hardly_any_memory(tmp_path: Path) -> None:
    schema = encoded_schema(64, vocabulary_digest="v", tags_digest="t")
    n, n_groups = 1 << 13, 16
    rows = pa.table(
        [
            pa.FixedSizeListArray.from_arrays(pa.array(np.ones(n * 64, np.int32)), type=field.type)
            if pa.types.is_fixed_size_list(field.type)
            else pa.array(np.zeros(n)).cast(field.type)
            for field in schema
        ],
        schema,
    )
    file = bucket_file(tmp_path / "train", 64)
    file.parent.mkdir(parents=True)
    with pq.ParquetWriter(file, schema) as writer:
        for _ in range(n_groups):
            writer.write_table(rows)
    of_split = {"vocabulary_digest": "v", "tags_digest": "t"}
    read_encoded(tmp_path / "train", **of_split, scratch=tmp_path)
    before = resident()
    (bucket,) = read_encoded(tmp_path / "train", **of_split, scratch=tmp_path)
    assert resident() - before < bucket.token_ids.nbytes  # of 3 such arrays, 34 MB each
    assert bucket.n_loss_tokens == 0
    assert resident() - before < bucket.token_ids.nbytes


def test_another_vocabulary_or_other_tags_are_refused(write_split: WriteSplit, tmp_path: Path) -> None:
    _, vocabulary, tags = encoded(write_split([["a"]], [["X"]]), tmp_path / "out")
    folder = tmp_path / "out" / "train"
    with pytest.raises(
        RunDirError, match=rf"seqtag.vocabulary differs: expected 123, got {vocabulary.digest}; index and"
    ):
        read_encoded(folder, vocabulary_digest="123", tags_digest=tags.digest)
    with pytest.raises(RunDirError, match=rf"seqtag.tags differs: expected 123, got {tags.digest}"):
        read_encoded(folder, vocabulary_digest=vocabulary.digest, tags_digest="123")


def test_a_folder_without_windows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunDirError, match="encoded windows are missing"):
        read_encoded(tmp_path, vocabulary_digest="", tags_digest="")


@pytest.mark.parametrize("content", ["nonsense", "another table"])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "length=2" / "part-0.parquet"
    path.parent.mkdir()
    if content == "nonsense":
        path.write_text(content)
    else:
        pq.write_table(pa.table({"a": [1]}), path)
    with pytest.raises(RunDirError, match=r"part-0\.parquet"):
        read_encoded(tmp_path, vocabulary_digest="", tags_digest="")
