"""`[[further_tags]]`: the taggers that one file trains together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from seqtag.config import TaggerConfig, load_tagger, taggers_of

POS = {"format": "conllu", "path": "train.conllu"}


def config(source: dict[str, Any] = POS, *, further: Any = None, **more: Any) -> TaggerConfig:
    further = [{"name": "pos-fine", "tag_column": "XPOS", "floor": 0.5}] if further is None else further
    cut = {"cut": {"max_length": more.pop("corpus_cut")}} if "corpus_cut" in more else {}
    tables = {"name": "pos", "corpus": {"sources": [source], **cut}, "further_tags": further, **more}
    return TaggerConfig.model_validate(tables)


def test_each_column_has_a_tagger_with_the_settings_of_the_file() -> None:
    found = taggers_of(config(seed=3, tags={"scheme": "none"}, gate={"floor": 0.9, "metric": "accuracy"}))
    assert [each.name for each in found] == ["pos", "pos-fine"]
    assert [each.corpus.sources[0].tag_column for each in found] == ["UPOS", "XPOS"]
    assert [each.seed for each in found] == [3, 3]
    assert [each.gate.floor for each in found] == [0.9, 0.5]
    assert [each.gate.metric for each in found] == ["accuracy", "auto"]
    assert [each.tags.scheme for each in found] == ["none", "auto"]
    assert [each.tag_column for each in found[1].further_tags] == ["UPOS"]
    assert TaggerConfig.model_validate(found[1].model_dump(mode="json")) == found[1]


def test_a_tagger_of_one_column_stands_alone() -> None:
    alone = config(further=[])
    assert taggers_of(alone) == (alone,)


def test_columns_are_named_as_the_format_names_them(tmp_path: Path) -> None:
    rows = {"format": "jsonl", "path": "x.jsonl"}
    found = taggers_of(config(rows, further=[{"name": "users", "tag_column": "who"}]))
    assert found[1].corpus.sources[0].tags_column == "who"

    file = tmp_path / "pos.toml"
    file.write_text(
        'name = "pos"\n[[corpus.sources]]\nformat = "conll"\npath = "x.conll"\ntag_column = 1\n'
        '[[further_tags]]\nname = "fine"\ntag_column = 2\n'
    )
    source = taggers_of(load_tagger(file))[1].corpus.sources[0]
    assert (source.tag_column, source.folder) == (2, tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"further": [{"name": "pos", "tag_column": "XPOS"}]}, "names are repeated"),
        ({"source": {"format": "fasta", "path": "x"}}, r"corpus.sources\[0\] has no column of tags"),
        (
            {"further": [{"name": "fine", "tag_column": 7}]},
            r"tag_column of 'fine' does not fit corpus.sources",
        ),
        ({"further": [{"name": "fine", "tag_column": "UPOS"}]}, "'fine' has the tags of 'pos'"),
        ({"corpus_cut": 10}, "corpus.cut may cut"),
        ({"model": {"output": "crf"}}, "learns one column of tags"),
        ({"approval": {"required": True}}, "approval.required has no effect"),
    ],
)
def test_what_cannot_be_learned_together_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        config(**change)
