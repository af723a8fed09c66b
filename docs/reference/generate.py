"""Write the reference pages from the code: `python docs/reference/generate.py`."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import typer

from seqtag.cli import app
from seqtag.config import RECIPES, Settings, tagger_schema
from seqtag.config.scheme_names import SCHEME_ALIASES

FOLDER = Path(__file__).parent
_ANY_TABLE = {"type": "object", "additionalProperties": True}
_BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def pages() -> dict[str, str]:
    """Return the text of each reference page by its file name."""
    return {
        "configuration.md": "\n".join(_configuration()) + "\n",
        "command-line.md": "\n".join(_command_line()) + "\n",
    }


def _configuration() -> Iterator[str]:
    schema = tagger_schema()
    tables = {key: each for key, each in schema["properties"].items() if "$ref" in each}
    yield "# Configuration\n"
    yield "Every key of a tagger's TOML file. Only `name` and one `[[corpus.sources]]` are required."
    yield "`seqtag schema` prints the same as JSON Schema. Generated from the code by `make docs`.\n"
    yield "## Top level\n"
    yield from _table(schema, leave_out=tables)
    for key, each in tables.items():
        table = _resolved(each, schema)
        yield f"\n## [{key}]\n\n{table['description']}\n"
        yield from _table(table)
        for name, nested in table["properties"].items():
            if "$ref" in nested:
                yield f"\n### [{key}.{name}]\n\n{_resolved(nested, schema)['description']}\n"
                yield from _table(_resolved(nested, schema))
        for name, values in _tables_by_name(table):
            values = _resolved(values, schema)
            yield f"\n### [{key}.{name}.NAME]\n\n{values['description']}\n"
            yield from _table(values)
    sources = _resolved(tables["corpus"], schema)["properties"]["sources"]["items"]["oneOf"]
    yield "\n## [[corpus.sources]]\n\nOne table for each source; `format` decides which keys it has."
    yield "[Reading a corpus](../formats.md) has an example of each.\n"
    for each in sources:
        table = _resolved(each, schema)
        yield f'\n### format = "{table["properties"]["format"]["const"]}"\n\n{table["description"]}\n'
        yield from _table(table, leave_out={"format": None})
    further = _resolved(schema["properties"]["further_tags"]["items"], schema)
    yield f"\n## [[further_tags]]\n\n{further['description']}\n"
    yield from _table(further)
    columns = _resolved(tables["features"], schema)["properties"]["columns"]["items"]["oneOf"]
    yield "\n## [[features.columns]]\n\nOne table for each column of the tokens that the model reads."
    yield "[Read further columns](../how-to/add-columns.md) has an example.\n"
    for each in columns:
        table = _resolved(each, schema)
        yield f'\n### kind = "{table["properties"]["kind"]["const"]}"\n\n{table["description"]}\n'
        yield from _table(table, leave_out={"kind": None})
    gazetteer = _resolved(_resolved(tables["features"], schema)["properties"]["gazetteers"]["items"], schema)
    yield f"\n## [[features.gazetteers]]\n\n{gazetteer['description']}\n"
    yield from _table(gazetteer)
    yield "\n## Defaults of recipes\n"
    yield "A recipe other than `default` sets these defaults in place of those above.\n"
    yield "| `[train] recipe` | Key | Default |\n|---|---|---|"
    for name, recipe in RECIPES.items():
        for table_name, keys in recipe.defaults.items():
            for key, value in keys.items():
                yield f"| `{name}` | `[{table_name}] {key}` | `{json.dumps(value)}` |"
    yield "\n## Environment variables\n"
    yield "Settings of the machine. They affect no model.\n"
    yield "| Variable | Description |\n|---|---|"
    for key, field in Settings.model_fields.items():
        yield f"| `SEQTAG_{key.upper()}` | {field.description} |"


def _table(table: Mapping[str, Any], leave_out: Mapping[str, Any] | None = None) -> Iterator[str]:
    yield "| Key | Type | Default | Description |\n|---|---|---|---|"
    for key, each in table["properties"].items():
        if key not in (leave_out or {}):
            has_default = "default" in each and "$ref" not in each  # a table has its own section
            default = f"`{json.dumps(each['default'], ensure_ascii=False)}`" if has_default else ""
            default = "required" if key in table.get("required", ()) else default
            yield _row(f"`{key}`", _type(each), default, each["description"])


def _tables_by_name(table: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the keys that hold tables by a name, each with the schema of such a table."""
    for key, each in table["properties"].items():
        values = each.get("additionalProperties")
        if isinstance(values, Mapping) and "$ref" in values:
            yield key, values


def _type(key: Mapping[str, Any]) -> str:
    """Describe the values of a key: `number ≥ 0, < 1`."""
    if "$ref" in key:
        return "table"
    if "const" in key:
        return f'`"{key["const"]}"`'
    if "enum" in key:
        return ", ".join(f'`"{name}"`' for name in key["enum"] if name not in SCHEME_ALIASES)
    if "anyOf" in key:
        return " or ".join(map(_type, key["anyOf"]))
    match key["type"]:
        case "array":
            is_of_tables = "oneOf" in key["items"] or "$ref" in key["items"] or key["items"] == _ANY_TABLE
            return "list of tables" if is_of_tables else f"list of {_type(key['items'])}"
        case "object" if key["additionalProperties"] is True:
            return "table"
        case "object" if "$ref" in key["additionalProperties"]:
            return "tables by name"
        case "object":
            keys = f" by {_type(key['propertyNames'])}" if "propertyNames" in key else ""
            return f"table of {_type(key['additionalProperties'])}{keys}"
        case "boolean":
            return "true or false"
    name = {"integer": "whole number", "number": "number", "string": "text"}[key["type"]]
    bounds = ", ".join(f"{sign} {key[bound]:.10g}" for bound, sign in _BOUNDS.items() if bound in key)
    return f"{name} {bounds}".strip()


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _resolved(each: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return schema["$defs"][each["$ref"].rpartition("/")[2]]


def _command_line() -> Iterator[str]:
    root = typer.main.get_command(app)
    context = click.Context(root, info_name="seqtag")
    yield "# Command line\n\nGenerated from `seqtag --help` by `make docs`.\n"
    yield inspect.cleandoc(root.help or "")
    for name in root.list_commands(context):  # type: ignore[attr-defined]
        command = root.get_command(context, name)  # type: ignore[attr-defined]
        if not command.hidden:
            yield from _command(command, click.Context(command, info_name=name, parent=context))


def _command(command: Any, context: click.Context) -> Iterator[str]:
    yield f"\n## seqtag {context.info_name}\n\n{inspect.cleandoc(command.help or '')}\n"
    yield f"    {' '.join([context.command_path, *command.collect_usage_pieces(context)])}\n"
    rows = [record for each in command.params if (record := each.get_help_record(context)) is not None]
    if rows:
        yield "| Argument | Description |\n|---|---|"
        for names, text in rows:
            yield _row(f"`{names}`", " ".join(text.split()))


if __name__ == "__main__":
    for page, text in pages().items():
        (FOLDER / page).write_text(text, "utf-8")
