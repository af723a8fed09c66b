"""The profile as a file: saved and loaded, also one from before formats were named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seqtag.corpus import Profile, SourceRecord
from seqtag.corpus.corpus_profile import (
    Ambiguity,
    AmbiguousShare,
    ExpectationCounts,
    QuarantineSize,
    RuleOutcome,
    SchemeChoice,
    SplitOrigins,
    SplitSize,
)
from seqtag.corpus.source_report import Warned
from seqtag.corpus.split_plan import UnlabelledSplit
from seqtag.corpus.token_column_profile import ColumnProfile, ColumnSize
from seqtag.errors import RunDirError
from seqtag.tagging import Spelling

SHARE = AmbiguousShare(n_sequences=1, n_received=4, share=0.25, n_tokens=2, token_share=0.125)
SIZE = SplitSize(n_sequences=3, n_tokens=9, n_types=7, longest=4, mean_length=3.0, unlabelled=1, untagged=2)
PROFILE = Profile(
    accepted=True,
    sentence="accepted: 3 train, 3 dev, 3 test sequences.",
    scheme=SchemeChoice(
        declared="auto", detected="IOB2", used="IOB2", reason="IOB2", spelling=Spelling("b-X", outside="o")
    ),
    splits={"train": SIZE, "dev": SIZE, "test": SIZE},
    split_origins=SplitOrigins(
        "dev: 3 sequences split off", [UnlabelledSplit("dev", 3, source="labelled train", n_source=6)]
    ),
    ambiguity=Ambiguity(sentence="1 of 4", left_out=False, corpus=SHARE, train=SHARE, dev=SHARE, test=SHARE),
    quarantined=QuarantineSize(n_sequences=0, share=0.0, budget=0.01, by_rule={"over_long": 0}),
    rules=[RuleOutcome("over_long", severity="quarantine", count=0, passed=True, message="none")],
    expectations=ExpectationCounts(defined=18, evaluated=18, failed=0),
    tags={"O": {"train": 7, "dev": 7, "test": 7}},
    sources=[
        SourceRecord(
            name="a.conll",
            n_sequences=9,
            assumed={"separator": {"tab": 1}},
            changed={"tags stripped": 2},
            warnings=[Warned(kind="columns", text="4 columns", place="a.conll:17", count=2)],
        )
    ],
    untagged="6 of 27 tokens have no tag",
    columns=[
        ColumnProfile(
            "amount",
            kind="number",
            splits={"train": ColumnSize(9, n_missing=7, n_values=2, minimum=0.5, median=1.0, maximum=1.5)},
        ),
        ColumnProfile(
            "host", kind="category", splits={"test": ColumnSize(9, 1, n_values=8, n_distinct=3, n_unseen=2)}
        ),
    ],
)


def test_a_profile_is_loaded_as_it_was_saved(tmp_path: Path) -> None:
    PROFILE.save(tmp_path / "profile.json")

    assert Profile.load(tmp_path / "profile.json") == PROFILE


def test_a_profile_of_an_earlier_version_has_canonical_tags_and_no_sources(tmp_path: Path) -> None:
    file = tmp_path / "profile.json"
    PROFILE.save(file)
    content = json.loads(file.read_text("utf-8"))
    for key in ("format", "sources", "untagged", "columns"):
        del content[key]
    del content["scheme"]["spelling"]
    content["carving"] = content.pop("split_origins")
    for split in content["splits"].values():
        del split["untagged"]
    file.write_text(json.dumps(content), "utf-8")

    found = Profile.load(file)

    assert found.scheme.spelling == Spelling("B-X", letters="BIES", outside="O")
    assert (list(found.sources), found.untagged, found.splits["dev"].untagged) == ([], "", 0)
    assert list(found.columns) == []
    assert (found.tags, found.split_origins) == (PROFILE.tags, PROFILE.split_origins)


def test_a_profile_of_another_version_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "profile.json").write_text('{"format": "profile/1"}', "utf-8")

    with pytest.raises(RunDirError, match=r"format is 'profile/1', expected 'profile/2'"):
        Profile.load(tmp_path / "profile.json")


def test_the_ambiguity_of_a_split_is_found_by_name() -> None:
    other = AmbiguousShare(n_sequences=0, n_received=4, share=0.0, n_tokens=0, token_share=0.0)
    ambiguity = Ambiguity(sentence="", left_out=False, corpus=SHARE, train=SHARE, dev=other, test=SHARE)

    assert ambiguity.of("dev") == other
    assert ambiguity.of("test") == SHARE
