"""Places where sequences begin, and the files that they are in."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from seqtag.corpus import PlacesWriter, file_numbers, places


@pytest.mark.parametrize("group_rows", [1, 2, 100])
def test_sequences_are_assigned_to_files_however_places_were_written(
    tmp_path: Path, group_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "_GROUP_ROWS", group_rows)
    begins = ["b.conll:1", None, "a.conll:3", "a.conll:3, piece 2", None, "b.conll:7"]
    with PlacesWriter(tmp_path / "places") as writer:
        for begin in begins:
            writer.add(pa.array([begin], pa.string()))
    numbers, names = file_numbers(tmp_path / "places")
    assert names == ["b.conll", "a.conll", "sources without files"]
    assert numbers.tolist() == [0, 2, 1, 1, 2, 0]


def test_without_the_file_no_place_is_known(tmp_path: Path) -> None:
    numbers, names = file_numbers(tmp_path / "places")
    assert (numbers.tolist(), names) == ([], [])
