"""JSON Schema of a tagger's TOML file: every key with its type, default and description."""

from __future__ import annotations

import json
from typing import Any, Final

from seqtag.config.tagger_config import TaggerConfig

SCHEMA_FILE: Final = "tagger.schema.json"


def tagger_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a tagger's file. It has no null, which TOML lacks."""
    schema = _without_null(TaggerConfig.model_json_schema())
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def schema_text() -> str:
    """Return the schema as the text of a file."""
    return json.dumps(tagger_schema(), indent=2, ensure_ascii=False) + "\n"


def _without_null(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_null(each) for each in value if each != {"type": "null"}]
    if not isinstance(value, dict):
        return value
    kept = {
        key: _without_null(each)
        for key, each in value.items()
        if (key, each) != ("default", None) and not (key == "title" and isinstance(each, str))
    }
    alternatives = kept.get("anyOf", [])
    if len(alternatives) == 1:
        del kept["anyOf"]
        kept = {**alternatives[0], **kept}
    return kept
