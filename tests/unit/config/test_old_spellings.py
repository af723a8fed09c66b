"""Old spellings of keys and values are read, with a warning."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from seqtag.config import load_tagger
from seqtag.errors import ConfigError

NEW = """
name = "small"
[[corpus.sources]]
format = "sample"
[features]
bucket_lengths = [8, 16]
window_overlap = 2
[train]
recipe = "base"
max_batch_tokens = 64
[gate]
retrain_champion = false
"""
OLD = (
    NEW.replace("bucket_lengths", "ladder")
    .replace('"base"', '"seed"')
    .replace("max_batch_tokens", "batch_cells")
    .replace("retrain_champion", "reanchor")
)


def written(folder: Path, text: str) -> Path:
    path = folder / "small.toml"
    path.write_text(text)
    return path


def test_old_and_new_spellings_give_equal_configurations(tmp_path: Path) -> None:
    assert load_tagger(written(tmp_path, OLD)) == load_tagger(written(tmp_path, NEW))


def test_each_old_spelling_is_a_warning_with_the_new_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = written(tmp_path, OLD)
    load_tagger(path)

    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        f"{path}: features.ladder is an old spelling; write bucket_lengths",
        f"{path}: train.batch_cells is an old spelling; write max_batch_tokens",
        f"{path}: gate.reanchor is an old spelling; write retrain_champion",
        f'{path}: train.recipe = "seed" is an old spelling; write "base"',
    ]


def test_new_spellings_give_no_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    load_tagger(written(tmp_path, NEW))

    assert caplog.records == []


def test_a_key_in_both_spellings_is_refused(tmp_path: Path) -> None:
    both = NEW.replace("[train]", "ladder = [8]\n[train]")

    with pytest.raises(
        ConfigError,
        match=r"features\.ladder: old spelling of bucket_lengths, which is also given; remove features",
    ):
        load_tagger(written(tmp_path, both))


def test_the_warning_precedes_an_error_about_the_new_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ConfigError, match=r"train\.max_batch_tokens: must be at least 1"):
        load_tagger(written(tmp_path, OLD.replace("batch_cells = 64", "batch_cells = 0")))

    assert "train.batch_cells is an old spelling; write max_batch_tokens" in caplog.text
