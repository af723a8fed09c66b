"""Map the names that sources give to splits to train, dev and test."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import MappingProxyType

import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config import SPLITS, Split
from seqtag.corpus.schema import SPLIT, place_of
from seqtag.corpus.source_report import SourceReport
from seqtag.io.arrays import with_column

# Case is ignored. Ambiguous, and so not here: "eval", "testa" and "testb" (dev and test of CoNLL-2003, two
# test splits elsewhere).
_MEANT: Mapping[str, Split] = MappingProxyType(
    {
        **{name: name for name in SPLITS},
        **dict.fromkeys(("training",), "train"),
        **dict.fromkeys(("devel", "development", "val", "valid", "validation"), "dev"),
        **dict.fromkeys(("testing",), "test"),
    }
)
_IN_FILE_NAMES: Mapping[str, Split] = MappingProxyType({**_MEANT, "testa": "dev", "testb": "test"})
_PREFIXES = {"tr": "train", "te": "test", "ts": "test"}  # of names, by which a message suggests a split


def with_splits(
    batch: pa.RecordBatch, names: Mapping[str, Split], *, name: str, report: SourceReport
) -> pa.RecordBatch:
    """Return a batch of the corpus schema with known names of splits replaced by train, dev and test.

    An unknown name is kept, for validation to reject, and reported as a warning.

    Args:
        names: splits by name, in addition to the usual names or instead of them; case is ignored.
        name: name of the source, for the report.
    """
    labels = pc.dictionary_encode(batch[SPLIT])
    known = {**_MEANT, **{each.strip().casefold(): split for each, split in names.items()}}
    given = labels.dictionary.to_pylist()
    meant = [known.get(each.strip().casefold(), each) for each in given]
    if meant == given and set(given) <= set(SPLITS):
        return batch
    counts = {count["values"]: count["counts"] for count in pc.value_counts(labels.indices).to_pylist()}
    for number, (old, new) in enumerate(zip(given, meant, strict=True)):
        if new not in SPLITS:
            first = pc.index(labels.indices, number).as_py()
            report.warn(
                "unknown_splits",
                f"unknown split {old!r}: expected train, dev or test; say which it is: {_key(old)}",
                place=place_of(batch, first, name=name),
                count=counts[number],
            )
        elif new != old:
            report.change(f"splits {old!r} read as {new}", counts[number])
    splits = pa.array(meant, pa.string()).take(labels.indices)
    return with_column(batch, SPLIT, splits)


def is_split_name(name: str) -> bool:
    """Return whether a label of a source is read as train, dev or test without `split_names`."""
    return name.strip().casefold() in _MEANT


def split_in_name(path: str) -> Split | None:
    """Return the split that the name of a file, or else of its folder, contains; None without one.

    >>> [split_in_name(path) for path in ("en-ud-dev.conllu.gz", "eng.testa", "test/part-0.csv", "a/x.csv")]
    ['dev', 'dev', 'test', None]
    """
    for part in reversed(path.split("/")[-2:]):
        words = re.split(r"[^a-z]+", part.casefold())
        found = {_IN_FILE_NAMES[word] for word in words if word in _IN_FILE_NAMES}
        if len(found) == 1:
            return found.pop()
    return None


def _key(name: str) -> str:
    folded = name.strip().casefold()
    split = "dev" if folded == "testa" else _PREFIXES.get(folded[:2], "dev")
    return f'split_names = {{ {json.dumps(name, ensure_ascii=False)} = "{split}" }} in [[corpus.sources]]'
