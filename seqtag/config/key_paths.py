"""Keys as a TOML file spells them, and what they may hold, for the locations that pydantic reports."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

Location = Sequence[int | str]


@dataclass(frozen=True)
class KeyPath:
    """A key of a file.

    Attributes:
        key: `corpus.sources[0].token_column`, without names of alternatives; "" for the whole file.
        table: model of the table that has the key; None in lists and in tables of free names.
        field: the key in that model; None if it is unknown there.
        formats: values of `format` or `kind` that the table at this key may have.
    """

    key: str
    table: type[BaseModel] | None = None
    field: FieldInfo | None = None
    formats: tuple[str, ...] = ()


def key_path(root: type[BaseModel], location: Location) -> KeyPath:
    """Return the key at a location in a file whose model is `root`.

    >>> from seqtag.config.tagger_config import TaggerConfig
    >>> key_path(TaggerConfig, ("corpus", "sources", 0, "conll", "path", "tuple[str, ...]", 1)).key
    'corpus.sources[0].path[1]'
    """
    key, holds = "", _alternatives(root)
    table: type[BaseModel] | None = None
    field: FieldInfo | None = None
    for part in location:
        models = [each for each in holds if _is_model(each)]
        if isinstance(part, int):
            key, table, field = f"{key}[{part}]", None, None
            holds = [one for each in holds if get_origin(each) is tuple for one in _elements(each)]
        elif part == "[key]":  # pydantic's name for the key of a free name, which precedes it
            continue
        elif len(models) > 1:  # the format of a source, or the kind of a column
            holds = [model for model in models if part in formats_of(model)]
        elif len(models) == 1:
            table, field = models[0], fields_of(models[0]).get(part)
            key, holds = _joined(key, part), [] if field is None else _alternatives(field.annotation)
        elif any(get_origin(each) is dict for each in holds):
            values = next(get_args(each)[1] for each in holds if get_origin(each) is dict)
            key, table, field, holds = _joined(key, part), None, None, _alternatives(values)
        elif len(holds) > 1:  # pydantic's name of one alternative
            holds = [each for each in holds if get_origin(each) is tuple]
        else:
            key, table, field, holds = _joined(key, part), None, None, []
    formats = tuple(name for each in holds if _is_model(each) for name in formats_of(each))
    return KeyPath(key, table, field, formats)


def fields_of(model: type[BaseModel]) -> Mapping[str, FieldInfo]:
    """Return the keys of a table as a file spells them."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def formats_of(model: type[BaseModel]) -> tuple[str, ...]:
    """Return the values of `format` that select a source's table, or of `kind` that select a column's."""
    field = model.model_fields.get("kind") or model.model_fields.get("format")
    return () if field is None else get_args(field.annotation)


def requirement(field: FieldInfo | None) -> str:
    """Describe what a key may hold: `text or a list`."""
    kinds = [] if field is None else [_kind(each) for each in _alternatives(field.annotation)]
    return " or ".join(dict.fromkeys(kinds)) or "a value"


def _kind(annotation: Any) -> str:
    if _is_model(annotation) or get_origin(annotation) is dict:
        return "a table"
    if get_origin(annotation) is tuple:
        of_tables = any(map(_is_model, _elements(annotation)))
        return "a list of tables" if of_tables else "a list"
    if get_origin(annotation) is Literal:
        return " or ".join(map(repr, get_args(annotation)))
    kinds = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}
    return kinds.get(annotation, "a value")


def _alternatives(annotation: Any) -> list[Any]:
    """Return the types that a value may have, without None."""
    if get_origin(annotation) is Annotated:
        return _alternatives(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [each for one in get_args(annotation) for each in _alternatives(one) if each is not type(None)]
    return [annotation]


def _elements(of_tuple: Any) -> list[Any]:
    return _alternatives(get_args(of_tuple)[0])


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _joined(key: str, part: str) -> str:
    return f"{key}.{part}" if key else part
