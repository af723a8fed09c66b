"""Further columns of tokens in the input of `seqtag tag`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from seqtag.errors import CorpusFormatError

Columns = Mapping[str, pa.ListArray]  # list<string> by name, a value for each token

_TEXTS = pa.list_(pa.string())


def of_objects(objects: Sequence[Mapping[str, Any]], keys: Mapping[str, str], *, name: str) -> Columns:
    """Return the columns that some of the objects of JSON have; an object without a key has missing values.

    Args:
        objects: objects of a file.
        keys: key in the objects by the name of the column.
        name: name of the file, for messages.

    Raises:
        CorpusFormatError: a value is not an array of text, numbers, truth values and nulls.
    """
    return {
        column: pa.array([_texts(each.get(key), key, name) for each in objects], _TEXTS)
        for column, key in keys.items()
        if any(key in each for each in objects)
    }


def of_rows(rows: pa.RecordBatch, keys: Mapping[str, str], *, name: str) -> Columns:
    """Return the columns of rows of Parquet; those that are not there are left out.

    Raises:
        CorpusFormatError: a column does not hold lists.
    """
    try:
        return {
            column: pc.cast(rows[key], _TEXTS) for column, key in keys.items() if key in rows.schema.names
        }
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise CorpusFormatError(
            f"{name}: columns of tokens {list(keys.values())} must hold lists with a value for each token, "
            f"got {error}"
        ) from None


def _texts(values: object, key: str, name: str) -> list[str | None] | None:
    if values is None:
        return None
    if not isinstance(values, list) or not all(v is None or isinstance(v, str | int | float) for v in values):
        raise CorpusFormatError(
            f"{name}: column {key!r}: expected an array with a text, number or null for each token, got "
            f"{json.dumps(values)[:80]}"
        )
    return [v if v is None or isinstance(v, str) else json.dumps(v) for v in values]
