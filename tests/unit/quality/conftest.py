"""Fixtures that profile or validate a small corpus."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqtag.config import QualityConfig, ReadColumn, SplitConfig, TagsConfig
from seqtag.corpus import Profile, corpus_schema
from seqtag.corpus.corpus_profile import RuleOutcome
from seqtag.quality import DATA_DOCS, PROFILE, QUARANTINE, validate
from seqtag.quality.profiling import ProfiledCorpus, profile_corpus

Row = dict[str, Any]


@dataclass(frozen=True)
class Profiled:
    """Profile and quarantine, before any verdict."""

    found: ProfiledCorpus
    quarantine: list[Row]

    @property
    def reasons(self) -> dict[int, list[str]]:
        return {row["row"]: row["reasons"] for row in self.quarantine}

    @property
    def rules(self) -> set[str]:
        return {rule.name for rule in self.found.rules}

    @property
    def counts(self) -> dict[str, int]:
        return dict(self.found.evidence.counts)


@dataclass(frozen=True)
class Validated:
    """Output of validation."""

    folder: Path
    profile: Profile
    quarantine: list[Row]

    def rule(self, name: str) -> RuleOutcome:
        return next(rule for rule in self.profile.rules if rule.rule == name)

    @property
    def names(self) -> set[str]:
        return {rule.rule for rule in self.profile.rules}

    def page(self, name: str) -> str:
        return (self.folder / DATA_DOCS / name).read_text("utf-8")


def write_parts(
    folder: Path,
    rows: Sequence[Row],
    *,
    columns: Sequence[str] = (),
    token_columns: Sequence[str] = (),
    rows_a_group: int = 7,
) -> list[Path]:
    """Write rows as two parts with several small row groups each."""
    folder.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist(list(rows), schema=corpus_schema(columns, token_columns))
    half = (len(rows) + 1) // 2
    parts = [folder / "part-00000.parquet", folder / "part-00001.parquet"]
    for part, rows_of_part in zip(parts, (table.slice(0, half), table.slice(half)), strict=True):
        pq.write_table(rows_of_part, part, row_group_size=rows_a_group)
    return parts


def sequence(text: str, **fields: Any) -> Row:
    """Return a sound row from `token/tag` words, with `fields` replaced or added."""
    words = [word.rpartition("/") for word in text.split()]
    tokens, tags = [token for token, _, _ in words], [tag for _, _, tag in words]
    row = {"sequence_id": text, "document_id": text, "split": "train", "tokens": tokens, "tags": tags}
    return row | {"defect": None} | fields


def sound_corpus(n: int = 30) -> list[Row]:
    """Return distinct five-token sequences in IOB2, a third in each split."""
    splits = ["train", "dev", "test"]
    return [
        sequence(f"Ms/B-PER Haag{i}/I-PER plays/O Elianti{i}/B-ORG ./O", split=splits[i % 3])
        for i in range(n)
    ]


@pytest.fixture
def validated(tmp_path: Path) -> Callable[..., Validated]:
    """Return a function that validates rows under a configuration given as dicts."""

    def run(rows: Sequence[Row], **configuration: Any) -> Validated:
        folder = _new(tmp_path, "validation")
        validate(folder=folder, **_arguments(rows, tmp_path, **configuration))
        profile = Profile.load(folder / PROFILE)
        return Validated(folder, profile, pq.read_table(folder / QUARANTINE).to_pylist())

    return run


@pytest.fixture
def profiled(tmp_path: Path) -> Callable[..., Profiled]:
    """Return a function that profiles rows without Great Expectations, which is fast."""

    def run(rows: Sequence[Row], **configuration: Any) -> Profiled:
        file = _new(tmp_path, "profile") / QUARANTINE
        found = profile_corpus(quarantine_file=file, **_arguments(rows, tmp_path, **configuration))
        return Profiled(found, pq.read_table(file).to_pylist())

    return run


def _arguments(
    rows: Sequence[Row],
    tmp_path: Path,
    *,
    columns: Sequence[str] = (),
    read_columns: Sequence[ReadColumn] = (),
    tags: Mapping[str, Any] | None = None,
    quality: Mapping[str, Any] | None = None,
    split: Mapping[str, Any] | None = None,
    previous: Profile | None = None,
    parts: Sequence[Path] | None = None,
    fewest_test_documents: int = 0,
) -> dict[str, Any]:
    token_columns = [column.name for column in read_columns]
    return {
        "parts": write_parts(_new(tmp_path, "corpus"), rows, columns=columns, token_columns=token_columns)
        if parts is None
        else parts,
        "token_columns": token_columns,
        "read_columns": read_columns,
        "columns": columns,
        "tags": TagsConfig.model_validate(tags or {}),
        "quality": QualityConfig.model_validate(quality or {}),
        "split": SplitConfig.model_validate(split or {}),
        "previous": previous,
        "fewest_test_documents": fewest_test_documents,
    }


def _new(folder: Path, name: str) -> Path:
    new = folder / f"{name}-{len(list(folder.iterdir()))}"
    new.mkdir()
    return new
