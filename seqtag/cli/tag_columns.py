"""Further columns of tokens in the input of `seqtag tag`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from seqtag.corpus.column_texts import object_lists, text_lists
from seqtag.errors import CorpusFormatError
from seqtag.tagging.ragged import is_list

Columns = Mapping[str, pa.ListArray]  # list<string> by name, a value for each token


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
        column: text_lists(object_lists([_checked(each.get(key), key, name) for each in objects]))
        for column, key in keys.items()
        if any(key in each for each in objects)
    }


def of_rows(rows: pa.RecordBatch, keys: Mapping[str, str], *, name: str) -> Columns:
    """Return the columns of rows of Parquet; those that are not there are left out.

    Raises:
        CorpusFormatError: a column does not hold lists, or lists of what is no text, number, truth value or
            time.
    """
    return {
        column: _of_lists(rows[key], key, name) for column, key in keys.items() if key in rows.schema.names
    }


def _of_lists(lists: pa.Array, key: str, name: str) -> pa.ListArray:
    try:
        if is_list(lists.type):
            return text_lists(lists)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        pass
    raise CorpusFormatError(
        f"{name}: column {key!r} cannot be read: expected lists with a value for each token, got {lists.type}"
    )


def _checked(values: object, key: str, name: str) -> list[object] | None:
    if values is None:
        return None
    if not isinstance(values, list) or not all(v is None or isinstance(v, str | int | float) for v in values):
        raise CorpusFormatError(
            f"{name}: column {key!r}: expected an array with a text, number or null for each token, got "
            f"{json.dumps(values)[:80]}"
        )
    return values
