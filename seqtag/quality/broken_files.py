"""The few files that most violations of a rule are in, and the tag scheme of such a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from seqtag.config import SchemeName, TagsConfig
from seqtag.corpus import file_numbers
from seqtag.corpus.schema import DEFECT, TAGS, TOKENS
from seqtag.corpus.source_report import listed
from seqtag.corpus.untagged import known_tags
from seqtag.io.arrays import mask_of
from seqtag.io.row_groups import read_rows
from seqtag.quality.counters import TransitionCounter
from seqtag.quality.snapshot_reader import CodedLists
from seqtag.quality.violations import Rows
from seqtag.tagging.spelling import Spelling

_MOST = 0.9  # share of the violations that the named files have
_FEW_FILES = 3
_FEW_OF_ALL = 0.5  # share of the corpus' files that is no more "a few"


def broken_files(
    violations: Mapping[str, Rows],
    parts: Sequence[Path],
    *,
    places: Path,
    tags: TagsConfig,
    scheme: SchemeName,
    spelling: Spelling,
) -> dict[str, str]:
    """Return by rule where its violations are: "all in b.conll (of 10 files)"; only for rules of few files.

    If tags break the scheme, this says which scheme those of the first file have.

    Args:
        violations: rule -> rows that violate it, ascending.
        parts: the files of the snapshot.
        places: file written by `PlacesWriter`.
        tags: configuration of the tags.
        scheme, spelling: in use for the corpus.
    """
    if not any(map(len, violations.values())):
        return {}
    numbers, names = file_numbers(places)
    if len(names) < 2:
        return {}
    found = {}
    for rule, rows in violations.items():
        few = _few_files(numbers[rows], len(names))
        if not few:
            continue
        n_inside = int(np.isin(numbers[rows], few).sum())
        share = "all" if n_inside == len(rows) else f"{n_inside:,} of {len(rows):,}"
        found[rule] = f"{share} in {listed([names[n] for n in few])} (of {len(names):,} files)"
        if rule == "illegal_transition":
            of_file = np.flatnonzero(numbers == few[0])
            found[rule] += _other_scheme(parts, of_file, tags, scheme=scheme, spelling=spelling)
    return found


def _few_files(numbers: npt.NDArray[np.int32], n_files: int) -> list[int]:
    """Return the files with most of the violations, the worst first; none for one, or in many files."""
    if len(numbers) < 2:
        return []
    counts = np.bincount(numbers, minlength=n_files)
    worst = np.argsort(-counts, kind="stable")[:_FEW_FILES]
    enough = int(np.searchsorted(np.cumsum(counts[worst]), _MOST * len(numbers))) + 1
    return worst[:enough].tolist() if enough <= min(len(worst), _FEW_OF_ALL * n_files) else []


def _other_scheme(
    parts: Sequence[Path], rows: Rows, tags: TagsConfig, *, scheme: SchemeName, spelling: Spelling
) -> str:
    """Say which scheme the tags of some rows have, if it is another one than that of the corpus; else ""."""
    counter = TransitionCounter()
    for _, batch in read_rows(parts, rows):
        tags_of = CodedLists.of(known_tags(batch.column(TAGS), tags.mark))
        aligned = pc.equal(*(pc.list_value_length(batch.column(name)) for name in (TOKENS, TAGS)))
        is_sound = mask_of(pc.fill_null(aligned, False)) & ~mask_of(batch.column(DEFECT).is_valid())
        counter.add(tags_of, is_sound & ~tags_of.is_null)
    found = counter.verdict(tags)
    if found.scheme == "none" or (found.scheme, found.spelling) == (scheme, spelling):
        return ""
    return f", whose tags look like {found.scheme} ({found.spelling.sample(found.scheme)})"
