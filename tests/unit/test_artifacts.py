"""Outputs appear whole, with their manifest, or not at all."""

import errno
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from seqtag import artifacts
from seqtag.artifacts import (
    find_manifest,
    materialize,
    read_json,
    require_manifest,
    scratch_folder,
    write_json,
)
from seqtag.errors import RunDirError


def writer(text: str, calls: list[str] | None = None):
    def write(folder: Path) -> None:
        (folder / "sub").mkdir()
        (folder / "sub" / "a.txt").write_text(text)
        if calls is not None:
            calls.append(text)

    return write


def test_a_step_is_done_once_for_equal_inputs(tmp_path: Path) -> None:
    calls: list[str] = []
    first = materialize(tmp_path / "out", step="s", inputs={"a": "1"}, write=writer("x", calls))
    second = materialize(tmp_path / "out", step="s", inputs={"a": "1"}, write=writer("x", calls))
    assert (first.reused, second.reused, calls) == (False, True, ["x"])
    assert second == first


@pytest.mark.parametrize(
    ("step", "inputs"), [("s", {"a": "2"}), ("s", {"a": "1", "b": "1"}), ("t", {"a": "1"})]
)
def test_a_step_is_done_again_when_anything_it_was_made_from_changes(tmp_path, step, inputs) -> None:
    materialize(tmp_path / "out", step="s", inputs={"a": "1"}, write=writer("x"))
    again = materialize(tmp_path / "out", step=step, inputs=inputs, write=writer("y"))
    assert not again.reused
    assert (tmp_path / "out" / "sub" / "a.txt").read_text() == "y"


def test_a_failing_step_leaves_the_earlier_output_and_no_rest(tmp_path: Path) -> None:
    materialize(tmp_path / "out", step="s", inputs={"a": "1"}, write=writer("x"))

    def fail(folder: Path) -> None:
        (folder / "half.txt").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        materialize(tmp_path / "out", step="s", inputs={"a": "2"}, write=fail)
    assert require_manifest(tmp_path / "out").inputs == {"a": "1"}
    assert [p.name for p in tmp_path.iterdir() if p.is_dir()] == ["out"]


@pytest.mark.parametrize("damage", ["change", "remove", "add", "manifest"])
def test_a_damaged_output_does_not_count(tmp_path: Path, damage: str) -> None:
    out = tmp_path / "out"
    materialize(out, step="s", inputs={}, write=writer("x"))
    match damage:
        case "change":
            (out / "sub" / "a.txt").write_text("X")
        case "remove":
            (out / "sub" / "a.txt").unlink()
        case "add":
            (out / "b.txt").write_text("")
        case "manifest":
            (out / "manifest.json").write_text("{")
    assert find_manifest(out) is None
    with pytest.raises(RunDirError, match="no finished output"):
        require_manifest(out)
    assert not materialize(out, step="s", inputs={}, write=writer("x")).reused


def test_equal_files_have_equal_digests_and_others_have_not(tmp_path: Path) -> None:
    digests = [
        materialize(tmp_path / name, step=name, inputs={"name": name}, write=writer(text)).digest
        for name, text in [("a", "x"), ("b", "x"), ("c", "y")]
    ]
    assert digests[0] == digests[1] != digests[2]


def test_a_fresh_folder_is_empty_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "old").touch()
    with scratch_folder(tmp_path / "f") as folder:
        assert list(folder.iterdir()) == []
    assert not (tmp_path / "f").exists()


def test_json_is_written_the_same_for_equal_values_and_refuses_nan(tmp_path: Path) -> None:
    write_json(tmp_path / "a", {"b": 1, "a": "ä"})
    write_json(tmp_path / "b", {"a": "ä", "b": 1})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert read_json(tmp_path / "a") == {"a": "ä", "b": 1}
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "c", float("nan"))
    assert not (tmp_path / "c").exists()


def test_of_two_at_once_the_second_waits_and_finds_the_work_done(tmp_path: Path) -> None:
    begun, calls = threading.Event(), []

    def slow(folder: Path) -> None:
        begun.set()
        calls.append(1)
        (folder / "a.txt").write_text("x" * 1_000_000)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(materialize, tmp_path / "out", step="s", inputs={}, write=slow)
        begun.wait()
        second = pool.submit(materialize, tmp_path / "out", step="s", inputs={}, write=slow)
    assert (first.result().reused, second.result().reused, calls) == (False, True, [1])


def test_what_stands_elsewhere_from_the_same_inputs_is_taken_over(tmp_path: Path) -> None:
    calls: list[str] = []
    materialize(tmp_path / "a" / "out", step="s", inputs={"a": "1"}, write=writer("x", calls))
    materialize(tmp_path / "b" / "out", step="s", inputs={"a": "2"}, write=writer("y", calls))
    elsewhere = [tmp_path / "b" / "out", tmp_path / "a" / "out", tmp_path / "none"]
    taken = materialize(
        tmp_path / "c" / "out", step="s", inputs={"a": "1"}, write=writer("z", calls), elsewhere=elsewhere
    )
    assert (taken.reused, calls) == (True, ["x", "y"])
    assert require_manifest(tmp_path / "c" / "out") == taken
    assert (tmp_path / "c" / "out" / "sub" / "a.txt").read_text() == "x"


def test_what_is_damaged_elsewhere_is_made_anew(tmp_path: Path) -> None:
    materialize(tmp_path / "a" / "out", step="s", inputs={}, write=writer("x"))
    (tmp_path / "a" / "out" / "sub" / "a.txt").write_text("damaged")
    made = materialize(
        tmp_path / "b" / "out", step="s", inputs={}, write=writer("y"), elsewhere=[tmp_path / "a" / "out"]
    )
    assert not made.reused
    assert (tmp_path / "b" / "out" / "sub" / "a.txt").read_text() == "y"


@pytest.mark.parametrize("change", ["replaced", "removed"])
def test_what_changes_elsewhere_while_it_is_taken_over_is_made_anew(tmp_path, monkeypatch, change) -> None:
    there = tmp_path / "a" / "out"
    materialize(there, step="s", inputs={"a": "1"}, write=writer("x"))
    copytree = shutil.copytree

    def changed_before(*arguments, **options):
        monkeypatch.setattr(shutil, "copytree", copytree)
        if change == "removed":
            shutil.rmtree(there)
        else:
            materialize(there, step="s", inputs={"a": "2"}, write=writer("other"))
        return copytree(*arguments, **options)

    monkeypatch.setattr(shutil, "copytree", changed_before)
    made = materialize(
        tmp_path / "b" / "out", step="s", inputs={"a": "1"}, write=writer("y"), elsewhere=[there]
    )
    assert not made.reused
    assert require_manifest(tmp_path / "b" / "out").inputs == {"a": "1"}
    assert (tmp_path / "b" / "out" / "sub" / "a.txt").read_text() == "y"


def test_a_finished_step_that_cannot_be_read_is_not_called_damaged(tmp_path, monkeypatch):
    materialize(tmp_path / "out", step="s", inputs={}, write=writer("x"))

    def failing(path):
        raise OSError(errno.EIO, "Input/output error", str(path))

    monkeypatch.setattr(artifacts, "file_digest", failing)
    with pytest.raises(RunDirError, match=r"finished step cannot be read: .*Input/output error") as raised:
        require_manifest(tmp_path / "out")
    assert raised.value.__cause__.errno == errno.EIO
