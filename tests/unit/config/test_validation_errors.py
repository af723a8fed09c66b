"""Faults in a tagger's file: in the words of the file, one line each, with the nearest valid name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seqtag.config import TaggerConfig, load_tagger
from seqtag.config.key_paths import key_path
from seqtag.config.validation_errors import OTHER_TYPES, REQUIREMENTS
from seqtag.errors import ConfigError

CONLL = 'name = "x"\n[[corpus.sources]]\nformat = "conll"\npath = "a.conll"\n'
TABLE = 'name = "x"\n[[corpus.sources]]\nformat = "table"\npath = "a.csv"\nsequence_column = "s"\n'

# What each node of pydantic's core schema raises, and what its constraints add.
OF_NODE = {
    "bool": ("bool_type", "bool_parsing"),
    "dict": ("dict_type",),
    "float": ("float_type", "float_parsing", "finite_number"),
    "function-after": ("value_error",),
    "function-before": ("value_error",),
    "int": ("int_type", "int_parsing", "int_from_float", "int_parsing_size"),
    "literal": ("literal_error",),
    "model": ("model_type",),
    "model-fields": ("model_attributes_type", "extra_forbidden"),
    "model-field": ("missing",),
    "str": ("string_type", "string_unicode"),
    "tagged-union": ("union_tag_invalid", "union_tag_not_found"),
    "tuple": ("tuple_type",),
    **dict.fromkeys(("any", "default", "nullable", "union"), ()),
}
OF_CONSTRAINT = {
    ("int", "ge"): "greater_than_equal",
    ("int", "gt"): "greater_than",
    ("int", "le"): "less_than_equal",
    ("int", "lt"): "less_than",
    ("str", "min_length"): "string_too_short",
    ("str", "pattern"): "string_pattern_mismatch",
    ("tuple", "min_length"): "too_short",
    **{("float", key): f"{name}_than" for key, name in (("gt", "greater"), ("lt", "less"))},
    **{("float", key): f"{name}_than_equal" for key, name in (("ge", "greater"), ("le", "less"))},
}
NOT_CONSTRAINTS = {
    *("type", "schema", "items_schema", "keys_schema", "values_schema", "choices", "discriminator", "fields"),
    *("expected", "default", "default_factory", "default_factory_takes_data", "copy_default", "function"),
    *("cls", "config", "custom_init", "root_model", "post_init", "model_name", "computed_fields", "metadata"),
    *("validate_default", "serialization", "serialization_exclude", "ref", "variadic_item_index"),
    *("from_attributes", "strict"),
    *("allow_inf_nan",),  # finite_number, which every float may raise
}


def nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield every node of a core schema."""
    if isinstance(schema, dict):
        if isinstance(schema.get("type"), str):
            yield schema
        for key, value in schema.items():
            if key not in ("metadata", "serialization", "config", "default"):
                yield from nodes(value)
    elif isinstance(schema, list | tuple):
        for each in schema:
            yield from nodes(each)


def refusal(folder: Path, text: str) -> str:
    (folder / "tagger.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_tagger(folder / "tagger.toml")
    return str(caught.value).replace(f"{folder}/", "")


def test_there_is_a_message_for_every_error_that_a_field_can_raise() -> None:
    raised = set()
    for node in nodes(TaggerConfig.__pydantic_core_schema__):
        kind = node["type"]
        if kind in ("no-info", "with-info", "definitions", "definition-ref"):
            continue
        raised |= set(OF_NODE[kind])
        raised |= {OF_CONSTRAINT[kind, key] for key in set(node) - NOT_CONSTRAINTS}

    assert raised == set(REQUIREMENTS) | OTHER_TYPES


def test_a_field_with_a_pattern_describes_it() -> None:
    tables = [TaggerConfig]
    for table in tables:
        for name, field in table.model_fields.items():
            if any(getattr(one, "pattern", None) for one in field.metadata):
                assert field.description, f"{table.__name__}.{name}"
        tables += dict.fromkeys(each for each in _tables_in(table) if each not in tables)
    assert len(tables) == 37


def _tables_in(table: type[TaggerConfig]) -> list[Any]:
    schema = table.__pydantic_core_schema__
    return [node["cls"] for node in nodes(schema) if node["type"] == "model"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (CONLL + "[train]\nepochs = 3\n", "train.epochs: unknown key; did you mean 'max_epochs'?"),
        (CONLL + "[trian]\nmax_epochs = 3\n", "trian: unknown key; did you mean 'train'?"),
        (CONLL.replace("\n", "\nmax_epochs = 3\n", 1), "max_epochs: unknown key; it belongs to [train]"),
        (
            CONLL + "[approval]\nxyz = true\n",
            "approval.xyz: unknown key; expected 'required' or 'within_hours'",
        ),
        (
            CONLL + "header_line = true\n",
            "corpus.sources[0].header_line: unknown key; did you mean 'header'?",
        ),
        (
            CONLL.replace('"conll"', '"jsonlines"'),
            "corpus.sources[0].format: must be 'conll', 'conllu', 'table', 'jsonl', 'jsonl-spans', "
            "'parquet', 'parquet-long', 'datasets', 'parallel', 'fasta', 'brat', 'spacy', 'xes', 'sql' or "
            "'sample', "
            "got 'jsonlines'; did you mean 'jsonl'?",
        ),
        (
            CONLL.replace('format = "conll"\n', ""),
            "corpus.sources[0].format: missing; expected 'conll', 'conllu', 'table', 'jsonl', 'jsonl-spans', "
            "'parquet', 'parquet-long', 'datasets', 'parallel', 'fasta', 'brat', 'spacy', 'xes', 'sql' or "
            "'sample'",
        ),
        (
            CONLL + 'split = "trian"\n',
            "corpus.sources[0].split: must be 'train', 'dev' or 'test', got 'trian'; did you mean 'train'?",
        ),
        (
            CONLL + '[train]\nrecipe = "defualt"\n',
            "train.recipe: must be 'default' or 'base', got 'defualt'; did you mean 'default'?",
        ),
        (CONLL + "[train]\nmax_epochs = 0\n", "train.max_epochs: must be at least 1, got 0"),
        (CONLL + "[train]\nmax_epochs = 1.5\n", "train.max_epochs: must be a whole number, got 1.5"),
        (CONLL + "[train]\nlearning_rate = inf\n", "train.learning_rate: must be a finite number, got inf"),
        (
            CONLL + "[gate]\nreanchor = 2026-01-31\n",
            "gate.retrain_champion: must be true or false, got 2026-01-31",
        ),
        (CONLL + '[gate]\nrenamed_tags = "A"\n', "gate.renamed_tags: must be a table, got 'A'"),
        (
            CONLL + "n_columns = 1\n",
            "corpus.sources[0].n_columns: must be 'auto', 'vary' or at least 2, got 1",
        ),
        (CONLL.replace('"a.conll"', "3"), "corpus.sources[0].path: must be text or a list, got 3"),
        (CONLL.replace('"a.conll"', '["a", 3]'), "corpus.sources[0].path[1]: must be text, got 3"),
        (
            CONLL + 'comment = ""\n',
            "corpus.sources[0].comment: must be text of at least 1 character, got ''",
        ),
        ('name = "x"\ncorpus.sources = ["a"]\n', "corpus.sources[0]: must be a table, got 'a'"),
        ('corpus.sources = [{ format = "sample" }]\n', "name: missing; expected text"),
        (
            TABLE + 'token_column = "w"\ntag_colum = "t"\n',
            "corpus.sources[0].tag_colum: unknown key; did you mean 'tag_column'?",
        ),
        (TABLE + 'token_column = "w"\n', "corpus.sources[0].tag_column: missing; expected text"),
        (
            TABLE + 'token_column = "w"\ntag_column = "t"\ndelimiter = "||"\n',
            "corpus.sources[0].delimiter: must be one ASCII character, not a line break, got '||'",
        ),
        (
            CONLL + '[quality.rules]\nover_lng = "fail"\n',
            "quality.rules.over_lng: unknown key; did you mean 'over_long'?",
        ),
        (
            CONLL + '[gate]\nmetric = "spanf1"\n',
            "gate.metric: must be 'auto', 'accuracy' or 'span_f1', got 'spanf1'; did you mean 'span_f1'?",
        ),
    ],
)
def test_a_fault_is_one_line_with_the_key_and_the_fix(tmp_path: Path, text: str, said: str) -> None:
    assert refusal(tmp_path, text) == f"tagger.toml: {said}"


def test_a_scheme_is_suggested_among_all_its_names(tmp_path: Path) -> None:
    assert refusal(tmp_path, CONLL + '[tags]\nscheme = "bilouu"\n').endswith("; did you mean 'BILOU'?")


def test_every_fault_has_a_line(tmp_path: Path) -> None:
    text = CONLL + 'split = "no"\n[train]\nmax_epochs = 0\nbatchsize = 8\n'
    assert refusal(tmp_path, text).splitlines() == [
        "tagger.toml: corpus.sources[0].split: must be 'train', 'dev' or 'test', got 'no'",
        "tagger.toml: train.max_epochs: must be at least 1, got 0",
        "tagger.toml: train.batchsize: unknown key; did you mean 'batch_size'?",
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        'split = "https://hunter2@host"\n',
        'header = "https://host/?sig=hunter2"\n',
        'passwrd = "hunter2"\n',
        '"https://hunter2@host" = 1\n',
        "[schedule.environment]\nAPI_TOKEN = [1]\nAPI_KEY = 314159\n",
    ],
)
def test_secrets_are_masked_in_keys_and_values(tmp_path: Path, wrong: str) -> None:
    said = refusal(tmp_path, CONLL + wrong)
    assert "hunter2" not in said
    assert "314159" not in said


@pytest.mark.parametrize(
    ("location", "key"),
    [
        (("corpus", "sources", 0, "table", "token_column"), "corpus.sources[0].token_column"),
        (("corpus", "sources", 1, "conll", "path", "tuple[str, ...]", 2), "corpus.sources[1].path[2]"),
        (("quality", "rules", "fo", "[key]"), "quality.rules.fo"),
        (("gate", "metric", "literal['auto']"), "gate.metric"),
        (("train", "no", "deeper"), "train.no.deeper"),
        ((), ""),
    ],
)
def test_a_location_of_pydantic_becomes_a_key_of_the_file(location: Any, key: str) -> None:
    assert key_path(TaggerConfig, location).key == key
