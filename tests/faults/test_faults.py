"""What befalls a night from outside: nothing is lost, the champion stays, and the error is clear."""

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
from tests.faults.night import Nights

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
        "runs/small/*/validation/quarantine.parquet",
        "runs/small/*/splits/train.parquet",
        "runs/small/*/vocabulary/words.parquet",
        "runs/small/*/encoded/train/*/*.parquet",
        "runs/small/*/model/weights.npz",
        "runs/small/*/evaluation/challenger.parquet",
    ],
)
def test_a_damaged_file_of_ours_is_noticed_and_made_again(
    nights: Nights, pattern: str, damage: Callable[[Path], None]
) -> None:
    before = nights.came_to()
    path = sorted(nights.home.glob(pattern))[0]
    damage(path)
    again = nights.night()
    assert again.code == 0, again.said
    nights.check()
    assert nights.came_to() == before


@DAMAGES
def test_a_damaged_source_is_refused_by_name(nights: Nights, damage: Callable[[Path], None]) -> None:
    before = nights.came_to()
    whole = nights.corpus.read_bytes()
    damage(nights.corpus)
    refused = nights.night()
    assert refused.code == 1
    assert f"Error: {nights.corpus.name}: file is damaged or not Parquet: " in last_line(refused.said)
    nights.corpus.write_bytes(whole)
    assert nights.night().code == 0
    assert nights.came_to() == before


def test_a_damaged_champion_is_never_replaced_and_is_named(nights: Nights) -> None:
    before = nights.came_to()
    (weights,) = nights.home.glob("artifacts/**/weights.npz")
    whole = weights.read_bytes()
    flip_a_bit(weights)
    refused = nights.night()
    assert refused.code == 1
    assert "champion 1 of small: sha256" in last_line(refused.said)
    weights.write_bytes(whole)
    assert nights.came_to() == before


def test_a_registry_that_cannot_be_reached_is_named_without_its_password(nights: Nights) -> None:
    before = nights.came_to()
    refused = nights.night(SEQTAG_REGISTRY_URL="postgresql+psycopg://me:hush-hush@127.0.0.1:1/registry")
    assert refused.code == 1
    assert "Error: registry postgresql+psycopg://me:***@127.0.0.1:1/registry" in last_line(refused.said)
    assert "hush-hush" not in refused.said
    assert nights.night().code == 0
    assert nights.came_to() == before


def test_a_locked_registry_is_named_and_waited_for_by_the_next_night(nights: Nights) -> None:
    before = nights.came_to()
    with sqlite3.connect(nights.home / "registry.db") as connection:
        connection.execute("BEGIN EXCLUSIVE")
        refused = nights.night()
        connection.rollback()
    assert refused.code == 1
    assert "database is locked" in last_line(refused.said)
    assert nights.night().code == 0
    assert nights.came_to() == before


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Nights]:
    """A home whose runs lie on a disk of 256 KiB."""
    nights = Nights(tmp_path)
    runs = nights.home / "runs"
    runs.mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", runs],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.strip()}")
    yield nights
    subprocess.run(["umount", runs], check=True)


@AS_ROOT
def test_a_full_disk_is_named_and_nothing_half_written_stays(small_disk: Nights) -> None:
    refused = small_disk.night()
    assert refused.code == 1
    assert "No space left on device" in last_line(refused.said)
    small_disk.check()
    assert small_disk.champion is None
    runs = str(small_disk.home / "runs")
    subprocess.run(["mount", "-o", "remount,size=64m", runs], check=True)
    again = small_disk.night()
    assert again.code == 0, again.said
    assert small_disk.champion == "1"


def test_a_file_that_may_not_grow_is_named_and_nothing_half_written_stays(nights: Nights) -> None:
    before = nights.came_to()
    shutil.rmtree(nights.run.output("train"))
    refused = nights.night("prlimit", "--fsize=20000")
    assert refused.code == 1
    assert "File too large" in last_line(refused.said)
    nights.check()
    assert nights.night().code == 0
    assert nights.came_to() == before


def test_a_clock_that_jumps_back_finds_the_run_and_the_champion_that_are_there(nights: Nights) -> None:
    before, run = nights.came_to(), nights.run
    ended = nights.begin(code=BACK_IN_TIME).end()
    assert (ended.code, last_line(ended.said)) == (0, str(run.path))
    nights.write_corpus(310)
    ended = nights.begin(code=BACK_IN_TIME).end()
    old = Path(last_line(ended.said))
    assert old.name.startswith("2001-01-01-")
    assert nights.night().code == 0  # goes on in that one, although a later one is there
    assert RunDir(old).report.exists()
    nights.write_corpus(300)
    assert nights.night().code == 0
    assert nights.champion == before["champion"]
    shutil.rmtree(old)


def test_two_nights_at_once_come_to_one_result(nights: Nights) -> None:
    before = nights.came_to()
    shutil.rmtree(nights.run.path)
    ended = [night.end() for night in [nights.begin(), nights.begin()]]
    assert [outcome.code for outcome in ended] == [0, 0], ended
    assert nights.came_to()["weights"] == before["weights"]
    assert nights.champion == before["champion"]
    trained = [outcome.said.count("epoch 1:") for outcome in ended]
    assert sorted(trained) == [0, 1]


def test_a_source_that_is_replaced_while_it_is_read_is_noticed(nights: Nights) -> None:
    """Replaced again and again, until a night has failed of it or five have read one version whole."""
    before, versions = nights.came_to(), []
    for n in (300, 320):
        nights.write_corpus(n)
        versions.append(nights.corpus.read_bytes())
    for attempt in range(5):
        night, turn = nights.begin(), 0
        while night.process.poll() is None:
            turn += 1
            partial = nights.corpus.with_suffix(".partial")
            partial.write_bytes(versions[turn % 2])
            partial.replace(nights.corpus)
        ended = night.end()
        nights.check()
        if ended.code:
            assert "sources that stay as they are while they are read were required" in last_line(ended.said)
            break
        assert attempt < 4 or ended.code == 0
    nights.corpus.write_bytes(versions[0])
    assert nights.night().code == 0
    assert nights.came_to() == before  # what was remembered of that version is that version


def test_a_source_of_which_a_third_is_broken_is_refused_and_quarantined(nights: Nights) -> None:
    champion = nights.champion
    nights.write_corpus(300, broken=0.3)
    refused = nights.night()
    assert refused.code == 1
    assert "90 of 300 sequences" in last_line(refused.said)
    assert nights.champion == champion
    quarantined = pq.read_table(nights.run.quarantine)
    assert quarantined.num_rows == 90
    nights.write_corpus(300)
    assert nights.night().code == 0


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is not here")
@pytest.mark.parametrize("where", ["corpus", "runs", "registry"])
def test_a_right_that_was_taken_away_is_named(nights: Nights, where: str) -> None:
    before = nights.came_to()
    path = {"corpus": nights.corpus, "runs": nights.run.path, "registry": nights.home / "registry.db"}[where]
    mode = path.stat().st_mode
    path.chmod(0)
    refused = nights.night(*(UNPRIVILEGED if os.geteuid() == 0 else ()))
    path.chmod(mode)
    assert refused.code == 1
    said = last_line(refused.said)
    assert said.startswith("Error: ")
    assert "Permission denied" in said or "unable to open database file" in said
    assert nights.night().code == 0
    assert nights.came_to() == before


def last_line(said: str) -> str:
    return said.strip().splitlines()[-1]
