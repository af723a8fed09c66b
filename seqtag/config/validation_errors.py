"""Messages for the faults that pydantic finds: one line each, in the words of the file or the command."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, time
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from seqtag.config.key_paths import KeyPath, fields_of, key_path, requirement
from seqtag.config.secrets import hide_passwords, is_secret
from seqtag.config.suggestions import did_you_mean, nearest
from seqtag.formatting import escaped

Context = Mapping[str, Any]

# What a value must be, by the type of pydantic's error.
REQUIREMENTS: Final[Mapping[str, Callable[[Context], str]]] = {
    **dict.fromkeys(("string_type", "string_unicode"), lambda _: "text"),
    **dict.fromkeys(
        ("int_type", "int_parsing", "int_from_float", "int_parsing_size"), lambda _: "a whole number"
    ),
    **dict.fromkeys(("float_type", "float_parsing"), lambda _: "a number"),
    "finite_number": lambda _: "a finite number",
    **dict.fromkeys(("bool_type", "bool_parsing"), lambda _: "true or false"),
    "tuple_type": lambda _: "a list",
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), lambda _: "a table"),
    "greater_than": lambda context: f"more than {_number(context['gt'])}",
    "greater_than_equal": lambda context: f"at least {_number(context['ge'])}",
    "less_than": lambda context: f"less than {_number(context['lt'])}",
    "less_than_equal": lambda context: f"at most {_number(context['le'])}",
    "too_short": lambda context: f"a list of at least {context['min_length']}",
    "string_too_short": lambda context: f"text of at least {_characters(context['min_length'])}",
}
# Types of error with other messages; a field with a pattern describes it.
OTHER_TYPES: Final = frozenset(
    {
        *("extra_forbidden", "missing", "value_error", "string_pattern_mismatch"),
        *("literal_error", "union_tag_invalid", "union_tag_not_found"),
    }
)
_NAME = re.compile(r"'([^']*)'")


def one_line_each(path: Path | str, error: ValidationError, model: type[BaseModel]) -> str:
    """Return the faults of a file, one per line, without passwords.

    Args:
        model: the model that the file was validated with.
    """
    by_key: dict[str, list[tuple[KeyPath, ErrorDetails]]] = {}
    for fault in error.errors():
        place = key_path(model, fault["loc"])
        key = _with_discriminator(place.key, fault)
        by_key.setdefault(key, []).append((place, fault))
    # A list is only short of elements that are invalid themselves, and no text if an element is wrong. A
    # required key is not missing if it is misspelt.
    misspelt = {near for faults in by_key.values() for near in _meant(*faults[0])}
    lines = [
        f"{path}: {hide_passwords(escaped(key)) or '(top level)'}: {_message(model, key, faults)}"
        for key, faults in by_key.items()
        if not any(other.startswith(f"{key}[") for other in by_key)
        and not (faults[0][1]["type"] == "missing" and key in misspelt)
    ]
    return "\n".join(lines)


def argument_fault(error: ValidationError) -> str:
    """Describe the fault of an argument on the command line.

    >>> from pydantic import TypeAdapter
    >>> try:
    ...     TypeAdapter(int).validate_python("x")
    ... except ValidationError as error:
    ...     argument_fault(error)
    "must be a whole number, got 'x'"
    """
    fault = error.errors()[0]
    value = fault["input"]
    if fault["type"] in REQUIREMENTS:
        return f"must be {REQUIREMENTS[fault['type']](fault.get('ctx', {}))}, got {value!r}"
    message = _own_words(fault)
    return message.removesuffix(".") + did_you_mean(value, set(_NAME.findall(message)) - {value})


def _message(model: type[BaseModel], key: str, faults: Sequence[tuple[KeyPath, ErrorDetails]]) -> str:
    """Describe the fault of a key. A key has several if none of its alternatives accepts its value."""
    place, fault = faults[0]
    value, names = fault["input"], [name for _, each in faults for name in _names(each)]
    match fault["type"]:
        case "extra_forbidden":
            return _unknown_key(model, place, str(fault["loc"][-1]))
        case "literal_error" if fault["loc"][-1] == "[key]":
            return f"unknown key{did_you_mean(value, names) or f'; expected {_either(map(repr, names))}'}"
        case "missing":
            return f"missing; expected {requirement(place.field)}"
        case "union_tag_not_found":
            return f"missing; expected {_either(map(repr, place.formats))}"
        case "union_tag_invalid":
            value, names = fault["ctx"]["tag"], list(place.formats)
        case "value_error":
            return _own_words(fault)
    wanted = [*map(repr, names), *(text for each in faults if (text := _requirement(*each)))]
    near = did_you_mean(value, names) if isinstance(value, str) else ""
    return f"must be {_either(wanted)}{_got(key, value)}{near}"


def _own_words(fault: ErrorDetails) -> str:
    """Return the message of an error that was raised in Python, without pydantic's prefix."""
    return fault["msg"].removeprefix("Value error, ")


def _names(fault: ErrorDetails) -> list[str]:
    """Return the names that are allowed, if they are listed."""
    return _NAME.findall(fault["ctx"]["expected"]) if fault["type"] == "literal_error" else []


def _requirement(place: KeyPath, fault: ErrorDetails) -> str:
    """Describe the values that are allowed, "" if they are listed."""
    kind = fault["type"]
    if kind == "string_pattern_mismatch" and place.field is not None:
        return (place.field.description or "").partition(";")[0]  # what follows describes the key
    return REQUIREMENTS[kind](fault.get("ctx", {})) if kind in REQUIREMENTS else ""


def _unknown_key(model: type[BaseModel], place: KeyPath, name: str) -> str:
    """Suggest the nearest key of the table, or the table that has this key, or list the keys."""
    if place.table is None:
        return "unknown key"
    own = fields_of(place.table)
    if (near := nearest(name, own)) is not None:
        return f"unknown key; did you mean {near!r}?"
    elsewhere = [
        table
        for table, field in fields_of(model).items()
        if isinstance(field.annotation, type)
        and issubclass(field.annotation, BaseModel)
        and name in fields_of(field.annotation)
    ]
    if len(elsewhere) == 1:
        return f"unknown key; it belongs to [{elsewhere[0]}]"
    return f"unknown key; expected {_either(map(repr, own))}"


def _meant(place: KeyPath, fault: ErrorDetails) -> Iterator[str]:
    """Yield the key that an unknown key probably means."""
    if fault["type"] == "extra_forbidden" and place.table is not None:
        name = str(fault["loc"][-1])
        if (near := nearest(name, fields_of(place.table))) is not None:
            yield place.key.removesuffix(name) + near


def _with_discriminator(key: str, fault: ErrorDetails) -> str:
    """Return the key of the fault, which for a source without a known format is that of its format."""
    if fault["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return f"{key}.{fault['ctx']['discriminator'].strip(chr(39))}"
    return key


def _got(key: str, value: object) -> str:
    """Return the invalid value as text; nothing for tables, which hold other values, and no passwords."""
    if isinstance(value, dict | list | tuple):
        return ""
    return ", got ***" if is_secret(key) else f", got {hide_passwords(_as_toml(value))}"


def _as_toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, date | time) else repr(value)


def _either(choices: Iterable[str]) -> str:
    """Join different choices: `a, b or c`."""
    *others, last = dict.fromkeys(choices)
    return f"{', '.join(others)} or {last}" if others else last


def _number(number: float) -> str:
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:g}"


def _characters(number: int) -> str:
    return f"{number} character{'' if number == 1 else 's'}"
