"""Faults from outside: nothing is lost, the champion stays, and the error is clear."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from seqtag.run_dir import RunDir
from tests.faults.retraining import Retrainings

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file system")
UNPRIVILEGED = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all")
BACK_IN_TIME = """
import sys
from datetime import date
from seqtag import steps
from seqtag.config import Settings, load_tagger

config, place = load_tagger(sys.argv[2]), steps.Workspace.of(Settings())
run = steps.open_run(config, steps.ingest(config, place), place, as_of=date(2001, 1, 1))
print(run.path)
"""


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGES = pytest.mark.parametrize("damage", [cut, flip_a_bit])


@DAMAGES
@pytest.mark.parametrize(
    "pattern",
    [
        "corpora/small/*/part-*.parquet",
        "runs/small/*/validate/quarantine.parquet",
        "runs/small/*/split/train.parquet",
        "runs/small/*/index/words.parquet",
        "runs/small/*/encode/train/*/*.parquet",
        "runs/small/*/train/weights.npz",
        "runs/small/*/evaluate/challenger.parquet",
    ],
)
def test_a_damaged_output_file_is_detected_and_rebuilt(
    retrainings: Retrainings, pattern: str, damage: Callable[[Path], None]
) -> None:
    before = retrainings.result()
    path = sorted(retrainings.home.glob(pattern))[0]
    damage(path)
    again = retrainings.retrain()
    assert again.code == 0, again.output
    retrainings.check_manifests()
    assert retrainings.result() == before


@DAMAGES
def test_the_error_names_a_damaged_source(retrainings: Retrainings, damage: Callable[[Path], None]) -> None:
    before = retrainings.result()
    whole = retrainings.corpus.read_bytes()
    damage(retrainings.corpus)
    refused = retrainings.retrain()
    assert refused.code == 1
    assert f"Error: {retrainings.corpus.name}: file is damaged or not Parquet: " in last_line(refused.output)
    retrainings.corpus.write_bytes(whole)
    assert retrainings.retrain().code == 0
    assert retrainings.result() == before


def test_a_damaged_champion_is_named_and_not_replaced(retrainings: Retrainings) -> None:
    before = retrainings.result()
    (weights,) = retrainings.home.glob("artifacts/**/weights.npz")
    whole = weights.read_bytes()
    flip_a_bit(weights)
    refused = retrainings.retrain()
    weights.write_bytes(whole)
    assert refused.code == 1
    assert "champion 1 of small: bundle was changed: expected sha256" in last_line(refused.output)
    assert retrainings.result() == before


def test_an_unreachable_registry_is_named_without_its_password(retrainings: Retrainings) -> None:
    before = retrainings.result()
    refused = retrainings.retrain(
        SEQTAG_REGISTRY_URL="postgresql+psycopg://me:hush-hush@127.0.0.1:1/registry"
    )
    assert refused.code == 1
    assert "Error: registry postgresql+psycopg://me:***@127.0.0.1:1/registry" in last_line(refused.output)
    assert "hush-hush" not in refused.output
    assert retrainings.retrain().code == 0
    assert retrainings.result() == before


def test_a_locked_registry_is_reported_and_the_next_run_succeeds(retrainings: Retrainings) -> None:
    before = retrainings.result()
    with sqlite3.connect(retrainings.home / "registry.db") as connection:
        connection.execute("BEGIN EXCLUSIVE")
        refused = retrainings.retrain()
        connection.rollback()
    assert refused.code == 1
    assert "database is locked" in last_line(refused.output)
    assert retrainings.retrain().code == 0
    assert retrainings.result() == before


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Retrainings]:
    """A home whose run directories are on a disk of 256 KiB."""
    retrainings = Retrainings(tmp_path)
    runs = retrainings.home / "runs"
    runs.mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", runs],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.strip()}")
    yield retrainings
    subprocess.run(["umount", runs], check=True)


@AS_ROOT
def test_a_full_disk_is_reported_and_leaves_no_partial_output(small_disk: Retrainings) -> None:
    refused = small_disk.retrain()
    assert refused.code == 1
    assert "No space left on device" in last_line(refused.output)
    small_disk.check_manifests()
    assert small_disk.champion is None
    runs = str(small_disk.home / "runs")
    subprocess.run(["mount", "-o", "remount,size=64m", runs], check=True)
    again = small_disk.retrain()
    assert again.code == 0, again.output
    assert small_disk.champion == "1"


def test_a_file_size_limit_is_reported_and_leaves_no_partial_output(retrainings: Retrainings) -> None:
    before = retrainings.result()
    shutil.rmtree(retrainings.run.output("train"))
    refused = retrainings.retrain("prlimit", "--fsize=20000")
    assert refused.code == 1
    assert "File too large" in last_line(refused.output)
    retrainings.check_manifests()
    assert retrainings.retrain().code == 0
    assert retrainings.result() == before


def test_a_clock_that_jumps_back_still_finds_the_existing_run_and_champion(retrainings: Retrainings) -> None:
    before, run = retrainings.result(), retrainings.run
    ended = retrainings.start(code=BACK_IN_TIME).wait()
    assert (ended.code, last_line(ended.output)) == (0, str(run.path))
    retrainings.write_corpus(310)
    ended = retrainings.start(code=BACK_IN_TIME).wait()
    old = Path(last_line(ended.output))
    assert old.name.startswith("2001-01-01-")
    assert retrainings.retrain().code == 0  # continues in that run, although a later one exists
    assert RunDir(old).report.exists()
    retrainings.write_corpus(300)
    assert retrainings.retrain().code == 0
    assert retrainings.champion == before["champion"]
    shutil.rmtree(old)


def test_two_simultaneous_retrainings_have_one_result(retrainings: Retrainings) -> None:
    before = retrainings.result()
    shutil.rmtree(retrainings.run.path)
    ended = [running.wait() for running in [retrainings.start(), retrainings.start()]]
    assert [outcome.code for outcome in ended] == [0, 0], ended
    assert retrainings.result()["weights"] == before["weights"]
    assert retrainings.champion == before["champion"]
    trained = [outcome.output.count("epoch 1:") for outcome in ended]
    assert sorted(trained) == [0, 1]


def test_a_source_that_is_replaced_while_it_is_read_is_detected(retrainings: Retrainings) -> None:
    """Keep replacing the source until a retraining fails or five have each read one version in full."""
    before, versions = retrainings.result(), []
    for n in (300, 320):
        retrainings.write_corpus(n)
        versions.append(retrainings.corpus.read_bytes())
    for attempt in range(5):
        running, turn = retrainings.start(), 0
        while running.process.poll() is None:
            turn += 1
            partial = retrainings.corpus.with_suffix(".partial")
            partial.write_bytes(versions[turn % 2])
            partial.replace(retrainings.corpus)
        ended = running.wait()
        retrainings.check_manifests()
        if ended.code:
            assert "sources changed while they were read" in last_line(ended.output)
            break
        assert attempt < 4 or ended.code == 0
    retrainings.corpus.write_bytes(versions[0])
    assert retrainings.retrain().code == 0
    assert retrainings.result() == before  # the cached snapshot is of that version


def test_a_source_with_a_third_of_its_sequences_broken_is_rejected_and_quarantined(
    retrainings: Retrainings,
) -> None:
    champion = retrainings.champion
    retrainings.write_corpus(300, broken=0.3)
    refused = retrainings.retrain()
    assert refused.code == 1
    assert "90 of 300 sequences" in last_line(refused.output)
    assert retrainings.champion == champion
    quarantined = pq.read_table(retrainings.run.quarantine)
    assert quarantined.num_rows == 90
    retrainings.write_corpus(300)
    assert retrainings.retrain().code == 0


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is not here")
@pytest.mark.parametrize("where", ["corpus", "runs", "registry"])
def test_missing_permissions_are_reported(retrainings: Retrainings, where: str) -> None:
    before = retrainings.result()
    path = {
        "corpus": retrainings.corpus,
        "runs": retrainings.run.path,
        "registry": retrainings.home / "registry.db",
    }[where]
    mode = path.stat().st_mode
    path.chmod(0)
    refused = retrainings.retrain(*(UNPRIVILEGED if os.geteuid() == 0 else ()))
    path.chmod(mode)
    assert refused.code == 1
    said = last_line(refused.output)
    assert said.startswith("Error: ")
    assert "Permission denied" in said or "unable to open database file" in said
    assert retrainings.retrain().code == 0
    assert retrainings.result() == before


def last_line(said: str) -> str:
    return said.strip().splitlines()[-1]
