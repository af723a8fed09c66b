"""Tags stored as class numbers, and the names of the classes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.corpus.schema import TAGS, place_of
from seqtag.corpus.source_report import SourceReport
from seqtag.errors import CorpusFormatError
from seqtag.io.arrays import with_column
from seqtag.tagging.ragged import flatten, relist

_NO_TAG: Final = ("-100", "-1")  # ignored by PyTorch losses; an unknown label in `datasets`
_HUGGING_FACE = b"huggingface"  # key of the schema's metadata in files that `datasets` wrote
_SHOWN = 12  # names in a message


def names_in_metadata(schema: pa.Schema, column: str) -> tuple[str, ...] | None:
    """Return the class names that Hugging Face's `datasets` stored for a column; None if there are none.

    >>> feature = {"_type": "List", "feature": {"_type": "ClassLabel", "names": ["O", "X"]}}
    >>> stored = json.dumps({"info": {"features": {"ner": feature}}})
    >>> schema = pa.schema([("ner", pa.list_(pa.int64()))], metadata={"huggingface": stored})
    >>> names_in_metadata(schema, "ner"), names_in_metadata(schema, "tokens")
    (('O', 'X'), None)
    """
    try:
        stored = json.loads((schema.metadata or {}).get(_HUGGING_FACE, b"null"))
        features = stored["info"]["features"]
    except (ValueError, LookupError, TypeError, RecursionError):  # metadata of another version, or none
        return None
    return names_in_features(features, column)


def names_in_features(features: Any, column: str) -> tuple[str, ...] | None:
    """Return the class names of a column in the features of a dataset, as in JSON; None if there are none."""
    feature = features.get(column) if isinstance(features, dict) else None
    while True:
        match feature:
            case [feature] | {"feature": feature}:  # a list of classes, as older and newer versions write it
                continue
            case {"_type": "ClassLabel", "names": [str(), *_] as names}:
                return tuple(map(str, names))
            case _:
                return None


def unnamed_numbers(column: str, kind: object, *, place: str) -> CorpusFormatError:
    """Return the error for a column of tags that holds numbers without names."""
    return CorpusFormatError(
        f"{place}: tags are numbers without names: expected text in '{column}', got {kind}; "
        'name them in order, from number 0: tag_names = ["O", "B-PER", ...] in [[corpus.sources]]'
    )


def with_tag_names(
    batch: pa.RecordBatch, names: Sequence[str], *, name: str, report: SourceReport
) -> pa.RecordBatch:
    """Return a batch of the corpus schema with class numbers among the tags replaced by names.

    Args:
        name: name of the source, for messages.

    Raises:
        CorpusFormatError: a tag is not a class number.
    """
    named = named_lists(batch[TAGS], names, lambda row: place_of(batch, row, name=name), report)
    return with_column(batch, TAGS, named)


def named_lists(
    lists: pa.ListArray, names: Sequence[str], place: Callable[[int], str], report: SourceReport
) -> pa.ListArray:
    """Return `named_tags` of lists; `place` describes where a list is."""
    values, offsets = flatten(lists)

    def place_of_value(position: int) -> str:
        return place(int(np.searchsorted(offsets, position, side="right")) - 1)

    return relist(named_tags(values, names, place_of_value, report), offsets, like=lists)


def named_tags(
    numbers: pa.StringArray, names: Sequence[str], place: Callable[[int], str], report: SourceReport
) -> pa.StringArray:
    """Return the name of each class number; null for -100 and -1.

    Args:
        numbers: as text; a whole number may end in ".0", as pandas writes it if values are missing.
        place: describes where the tag at a position is.

    Raises:
        CorpusFormatError: a number has no name.
    """
    spelled = [*map(str, range(len(names))), *_NO_TAG]
    ids = pc.index_in(numbers, pa.array([*spelled, *(f"{number}.0" for number in spelled)]))
    unknown = pc.and_(ids.is_null(), numbers.is_valid())
    if pc.any(unknown).as_py():
        position = int(pc.index(unknown, True).as_py())
        shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
        raise CorpusFormatError(
            f"{place(position)}: tag is not a class number: expected 0 to {len(names) - 1} ({shown}), or "
            f"-100 or -1 for no tag, got {numbers[position].as_py()!r:.80}; correct tag_names of the source"
        )
    found = pa.array([*names, *(None for _ in _NO_TAG)] * 2, pa.string()).take(ids)
    report.change("class numbers -100 or -1 read as no tag", found.null_count - numbers.null_count)
    return found


def is_number(kind: pa.DataType) -> bool:
    """Return whether values, or the values of lists, are numbers."""
    while pa.types.is_nested(kind) and kind.num_fields == 1:
        kind = kind.field(0).type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def are_numbers(values: Sequence[Any]) -> bool:
    """Return whether any of the Python objects is a number; a bool is not."""
    kinds = set(map(type, values)) - {bool}
    return any(issubclass(kind, int | float) or kind.__name__ == "Decimal" for kind in kinds)
