"""Windows tile every sequence, and stitching is the inverse of padding."""

from __future__ import annotations

import doctest

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from seqtag.features import Windows, padded, stitched, windowing, windows

lengths_and_buckets = st.tuples(
    st.lists(st.integers(0, 60), max_size=12),
    st.sets(st.integers(1, 20), min_size=1, max_size=5).map(sorted),
    st.integers(0, 19),
).filter(lambda drawn: drawn[2] < drawn[1][-1])


def offsets_of(lengths: list[int]) -> npt.NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def table(cut: Windows) -> list[list[int]]:
    columns = [cut.sequence, cut.start, cut.length, cut.keep_start, cut.keep_stop, cut.bucket]
    return np.stack(columns, axis=1).tolist()


def test_a_sequence_is_put_into_the_shortest_bucket_that_holds_it() -> None:
    cut = windows([1, 4, 5, 8], buckets=[4, 8], overlap=2)
    assert table(cut) == [
        [0, 0, 1, 0, 1, 4],
        [1, 0, 4, 0, 4, 4],
        [2, 0, 5, 0, 5, 8],
        [3, 0, 8, 0, 8, 8],
    ]


def test_a_long_sequence_is_cut_into_overlapping_windows_that_keep_their_middles() -> None:
    # stride 8 - 4 = 4; the last window has 14 - 8 = 6 tokens and neighbours share 4, two for each
    cut = windows([14], buckets=[4, 8], overlap=4)
    assert table(cut) == [
        [0, 0, 8, 0, 6, 8],
        [0, 4, 8, 2, 6, 8],
        [0, 8, 6, 2, 6, 8],
    ]


def test_windows_without_overlap_keep_everything() -> None:
    assert table(windows([7], buckets=[3], overlap=0)) == [
        [0, 0, 3, 0, 3, 3],
        [0, 3, 3, 0, 3, 3],
        [0, 6, 1, 0, 1, 3],
    ]


def test_an_empty_sequence_has_no_window() -> None:
    assert table(windows([0, 2, 0], buckets=[4], overlap=1)) == [[1, 0, 2, 0, 2, 4]]


def test_no_sequences_have_no_windows() -> None:
    assert len(windows([], buckets=[4], overlap=1)) == 0


@given(lengths_and_buckets)
def test_kept_ranges_tile_every_sequence_exactly(drawn: tuple[list[int], list[int], int]) -> None:
    lengths, buckets, overlap = drawn
    cut = windows(lengths, buckets=buckets, overlap=overlap)
    kept: list[list[int]] = [[] for _ in lengths]
    for sequence, start, length, keep_start, keep_stop, bucket in table(cut):
        assert 0 <= keep_start < keep_stop <= length <= bucket
        kept[sequence] += range(start + keep_start, start + keep_stop)
    assert kept == [list(range(length)) for length in lengths]


@given(lengths_and_buckets)
def test_every_kept_token_sees_half_the_overlap_on_either_side(
    drawn: tuple[list[int], list[int], int],
) -> None:
    lengths, buckets, overlap = drawn
    cut = windows(lengths, buckets=buckets, overlap=overlap)
    for sequence, start, length, keep_start, keep_stop, _ in table(cut):
        assert start == 0 or keep_start >= overlap // 2
        assert start + length == lengths[sequence] or length - keep_stop >= overlap // 2


@given(lengths_and_buckets)
def test_stitching_undoes_padding(drawn: tuple[list[int], list[int], int]) -> None:
    lengths, buckets, overlap = drawn
    offsets = offsets_of(lengths)
    values = np.arange(1, offsets[-1] + 1, dtype=np.int32)
    cut = windows(lengths, buckets=buckets, overlap=overlap)
    outputs = [
        (cut.at(bucket), padded(values, cut.at(bucket), offsets=offsets, width=bucket))
        for bucket in reversed(buckets)
    ]
    assert stitched(outputs, offsets=offsets, dtype=np.int32).tolist() == values.tolist()


def test_padding_is_on_the_right_and_zero() -> None:
    cut = windows([2, 3], buckets=[4], overlap=0)
    rows = padded(np.array([5, 6, 7, 8, 9]), cut, offsets=offsets_of([2, 3]), width=4)
    assert rows.tolist() == [[5, 6, 0, 0], [7, 8, 9, 0]]


def test_only_kept_outputs_of_overlapping_windows_are_stitched() -> None:
    cut = windows([6], buckets=[4], overlap=2)  # windows at 0 and 2, each keeps three
    outputs = np.array([[1, 1, 1, 1], [2, 2, 2, 2]])
    assert stitched([(cut, outputs)], offsets=offsets_of([6]), dtype=np.int64).tolist() == [1, 1, 1, 2, 2, 2]


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(windowing).failed == 0
