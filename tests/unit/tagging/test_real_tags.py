"""Scheme detection on public corpora, which are read from the folder named by SEQTAG_DATA."""

from __future__ import annotations

import gzip
import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from seqtag.tagging import SchemeVerdict, detect_scheme

pytestmark = pytest.mark.skipif(
    "SEQTAG_DATA" not in os.environ, reason="SEQTAG_DATA names no folder of corpora"
)


def verdict(lines: list[str], column: int) -> SchemeVerdict:
    sequences: list[list[str]] = [[]]
    for line in lines:
        if not line.strip():
            sequences.append([])
        elif not line.startswith("# "):
            sequences[-1].append(line.split("\t")[column].strip())
    tags = sorted({tag for sequence in sequences for tag in sequence})
    number = {tag: i for i, tag in enumerate(tags)}
    transitions = np.zeros((len(tags) + 1, len(tags) + 1), np.int64)
    for sequence in sequences:
        for a, b in pairwise([len(tags), *(number[tag] for tag in sequence), len(tags)]):
            transitions[a, b] += 1
    return detect_scheme(tags, transitions)


def test_wnut17_is_iob2_without_a_mistake() -> None:
    path = Path(os.environ["SEQTAG_DATA"]) / "wnut17" / "train.conll"
    found = verdict(path.read_text("utf-8").splitlines(), 1)
    assert (found.scheme, found.illegal["IOB2"]) == ("IOB2", 0)


@pytest.mark.parametrize("column", [3, 4], ids=["UPOS", "XPOS"])
def test_parts_of_speech_have_no_scheme(column: int) -> None:
    path = Path(os.environ["SEQTAG_DATA"]) / "ud_english_ewt" / "dev.conllu.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        found = verdict(file.read().splitlines(), column)
    assert found.scheme == "none"
    assert found.reason == "no tag has a prefix (B-, I-, E-, S-)"
