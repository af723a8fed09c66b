"""`[tagging]`: sources whose tags are not read."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqtag.config import TaggerConfig, load_tagger, without_tags
from seqtag.config.source_config import TableSource
from seqtag.errors import ConfigError

TAGGER = """
name = "small"

[[corpus.sources]]
format = "sample"

[[tagging.sources]]
"""


def loaded(folder: Path, more: str) -> TaggerConfig:
    file = folder / "small.toml"
    file.write_text(TAGGER + more)
    return load_tagger(file)


def test_keys_that_name_tags_may_be_left_out(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        'format = "table"\npath = "new.csv"\nsequence_column = "case"\ntoken_column = "activity"\n\n'
        '[[tagging.sources]]\nformat = "parallel"\npath = "new.txt"\n',
    )
    table, parallel = config.tagging.corpus.sources
    assert not table.has_tags
    assert not parallel.has_tags
    assert table.folder == tmp_path


def test_a_source_without_tags_is_another_one() -> None:
    source = TableSource(format="table", path="a", sequence_column="s", token_column="t", tag_column="tag")
    assert not without_tags(source).has_tags
    assert source.has_tags
    assert source.tag_column == "tag"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('format = "brat"\npath = "x"\ntokenise = "words"\n', "brat.*needs a file of annotations"),
        (
            'format = "jsonl"\npath = "x"\n\n[tagging]\ncolumns = ["predicted"]\n',
            "further columns are reserved",
        ),
        (
            'format = "jsonl"\npath = "x"\n\n[tagging]\ncolumns = ["model_version"]\n',
            "further columns are reserved",
        ),
        ('format = "jsonl"\npath = "x"\npasword = 1\n', "pasword"),
    ],
)
def test_what_cannot_be_tagged_is_refused(tmp_path: Path, more: str, message: str) -> None:
    if "[tagging]" in more:  # TOML wants the table before its arrays
        source, _, table = more.partition("\n\n[tagging]\n")
        text = TAGGER.replace("[[tagging.sources]]\n", f"[tagging]\n{table}\n[[tagging.sources]]\n") + source
    else:
        text = TAGGER + more
    file = tmp_path / "small.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_tagger(file)


def test_a_schedule_without_sources_is_refused(tmp_path: Path) -> None:
    text = TAGGER.replace("[[tagging.sources]]\n", '[schedule]\ntagging = "0 5 * * *"\n')
    file = tmp_path / "small.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"schedule.tagging .* has no effect"):
        load_tagger(file)


def test_a_password_in_an_address_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"tagging.sources\[0\].path: address holds a password"):
        loaded(tmp_path, 'format = "jsonl"\npath = "ftp://ada:secret@host/new.jsonl"\n')


def test_what_is_tagged_enters_no_run(tmp_path: Path) -> None:
    config = loaded(tmp_path, 'format = "jsonl"\npath = "new.jsonl"\n')
    assert "tagging" not in config.model_dump()
