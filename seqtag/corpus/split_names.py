"""Names that sources give to splits, and the splits that they mean."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType

import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config import SPLITS, Split
from seqtag.corpus.schema import SPLIT, place_of
from seqtag.corpus.source_report import SourceReport

# In any case. Not "testa" and "testb" (dev and test of CoNLL-2003, two test splits elsewhere), nor "eval".
_MEANT: Mapping[str, Split] = MappingProxyType(
    {
        **{name: name for name in SPLITS},
        **dict.fromkeys(("training",), "train"),
        **dict.fromkeys(("devel", "development", "val", "valid", "validation"), "dev"),
        **dict.fromkeys(("testing",), "test"),
    }
)
_BEGINNINGS = {"tr": "train", "te": "test", "ts": "test"}  # of a name that a message maps


def with_splits(
    batch: pa.RecordBatch, names: Mapping[str, Split], *, name: str, report: SourceReport
) -> pa.RecordBatch:
    """Return a batch of the corpus schema whose splits are train, dev and test where the names say so.

    A name that means none of them stays, for validation to refuse, and is a warning of the report.

    Args:
        names: further ones, or others than is usual; upper and lower case are the same.
        name: of the source, for the report.
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
                f"split {old!r} is none of train, dev and test; say which it is: {_key(old)}",
                place=place_of(batch, first, name=name),
                count=counts[number],
            )
        elif new != old:
            report.change(f"splits {old!r} read as {new}", counts[number])
    splits = pa.array(meant, pa.string()).take(labels.indices)
    return batch.set_column(batch.schema.get_field_index(SPLIT), batch.schema.field(SPLIT), splits)


def _key(name: str) -> str:
    folded = name.strip().casefold()
    split = "dev" if folded == "testa" else _BEGINNINGS.get(folded[:2], "dev")
    return f'split_names = {{ {json.dumps(name, ensure_ascii=False)} = "{split}" }} in [[corpus.sources]]'
