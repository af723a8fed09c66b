"""Outputs appear whole, with their manifest, or not at all."""

import errno
import json
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


def test_equal_inputs_reuse_the_output(tmp_path: Path) -> None:
    calls: list[str] = []
    first = materialize(tmp_path / "out", step="s", inputs={"a": "1"}, write=writer("x", calls))
    second = materialize(tmp_path / "out", step="s", inputs={"a": "1"}, write=writer("x", calls))
    assert (first.reused, second.reused, calls) == (False, True, ["x"])
    assert second == first


@pytest.mark.parametrize(
    ("step", "inputs"), [("s", {"a": "2"}), ("s", {"a": "1", "b": "1"}), ("t", {"a": "1"})]
)
def test_a_changed_input_repeats_the_step(tmp_path, step, inputs) -> None:
    materialize(tmp_path / "out", step="s", inputs={"a": "1"}, write=writer("x"))
    again = materialize(tmp_path / "out", step=step, inputs=inputs, write=writer("y"))
    assert not again.reused
    assert (tmp_path / "out" / "sub" / "a.txt").read_text() == "y"


def test_a_failing_step_keeps_the_earlier_output_and_leaves_nothing_else(tmp_path: Path) -> None:
    materialize(tmp_path / "out", step="s", inputs={"a": "1"}, write=writer("x"))

    def fail(folder: Path) -> None:
        (folder / "half.txt").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        materialize(tmp_path / "out", step="s", inputs={"a": "2"}, write=fail)
    assert require_manifest(tmp_path / "out").inputs == {"a": "1"}
    assert [p.name for p in tmp_path.iterdir() if p.is_dir()] == ["out"]


@pytest.mark.parametrize("damage", ["change", "remove", "add", "manifest", "seconds", "step", "inputs"])
def test_a_damaged_output_is_rebuilt(tmp_path: Path, damage: str) -> None:
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
        case "seconds" | "step" | "inputs":
            manifest = json.loads((out / "manifest.json").read_text())
            (out / "manifest.json").write_text(json.dumps(manifest | {damage: {"a": 1}}))
    assert find_manifest(out) is None
    with pytest.raises(RunDirError, match="no finished output"):
        require_manifest(out)
    assert not materialize(out, step="s", inputs={}, write=writer("x")).reused


def test_digests_differ_exactly_if_files_differ(tmp_path: Path) -> None:
    digests = [
        materialize(tmp_path / name, step=name, inputs={"name": name}, write=writer(text)).digest
        for name, text in [("a", "x"), ("b", "x"), ("c", "y")]
    ]
    assert digests[0] == digests[1] != digests[2]


def test_a_scratch_folder_is_empty_and_removed(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "old").touch()
    with scratch_folder(tmp_path / "f") as folder:
        assert list(folder.iterdir()) == []
    assert not (tmp_path / "f").exists()


def test_json_is_deterministic_and_refuses_nan(tmp_path: Path) -> None:
    write_json(tmp_path / "a", {"b": 1, "a": "ä"})
    write_json(tmp_path / "b", {"a": "ä", "b": 1})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert read_json(tmp_path / "a") == {"a": "ä", "b": 1}
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "c", float("nan"))
    assert not (tmp_path / "c").exists()


def test_the_second_of_two_simultaneous_runs_waits_and_reuses_the_output(tmp_path: Path) -> None:
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


def test_the_output_of_another_run_with_the_same_inputs_is_reused(tmp_path: Path) -> None:
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


def test_a_damaged_output_of_another_run_is_not_reused(tmp_path: Path) -> None:
    materialize(tmp_path / "a" / "out", step="s", inputs={}, write=writer("x"))
    (tmp_path / "a" / "out" / "sub" / "a.txt").write_text("damaged")
    made = materialize(
        tmp_path / "b" / "out", step="s", inputs={}, write=writer("y"), elsewhere=[tmp_path / "a" / "out"]
    )
    assert not made.reused
    assert (tmp_path / "b" / "out" / "sub" / "a.txt").read_text() == "y"


@pytest.mark.parametrize("change", ["replaced", "removed"])
def test_an_output_that_changes_while_it_is_copied_is_not_reused(tmp_path, monkeypatch, change) -> None:
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


def test_an_unreadable_output_is_an_error_and_not_damage(tmp_path, monkeypatch):
    materialize(tmp_path / "out", step="s", inputs={}, write=writer("x"))

    def failing(path):
        raise OSError(errno.EIO, "Input/output error", str(path))

    monkeypatch.setattr(artifacts, "file_digest", failing)
    with pytest.raises(RunDirError, match=r"finished step cannot be read: .*Input/output error") as raised:
        require_manifest(tmp_path / "out")
    assert raised.value.__cause__.errno == errno.EIO


def test_two_processes_can_remove_one_folder(tmp_path: Path) -> None:
    for number in range(20):
        folder = tmp_path / str(number)
        for name in range(50):
            (folder / str(name)).mkdir(parents=True)
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(artifacts.remove_folder, [folder, folder]))
        assert not folder.exists()
