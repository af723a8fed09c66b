"""Refused corpora, through the real steps: errors say what is wrong, where, and which key to set."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, get_args

import pytest

from seqtag import steps
from seqtag.artifacts import read_json
from seqtag.config import RowRule, Settings, TaggerConfig
from seqtag.errors import CorpusRejectedError
from seqtag.quality.likely_causes import CAUSES

SOUND = [f"Ada{i}\tB-PER\nof\tO\nKent{i}\tB-LOC" for i in range(60)]
LISTS = '{{"id": "s{0}", "tokens": ["walk", "to", "Bath{0}"], "tags": ["O", "O", "B-LOC"], "part": "{1}"}}'
IS_REFUSED = "also by too_few_sequences, empty_split, quarantine_budget."


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> steps.Workspace:
    """A workspace with an empty registry, which takes a second to create."""
    return steps.Workspace.of(Settings(home=tmp_path_factory.mktemp("home")))


@pytest.fixture
def refusal(workspace: steps.Workspace, tmp_path: Path) -> Callable[..., str]:
    """Return a function that writes files, reads them as sources and returns the error."""

    def refused(files: dict[str, str], *sources: dict[str, Any], **tables: Any) -> str:
        for name, content in files.items():
            (tmp_path / name).write_text(content, "utf-8")
        named = [{**source, "path": str(tmp_path / source["path"])} for source in sources]
        config = TaggerConfig.model_validate({"name": "toy", "corpus": {"sources": named}, **tables})
        run = steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=date(2026, 1, 1))
        with pytest.raises(CorpusRejectedError) as error:
            steps.validate(run)
        line, _, page = str(error.value).partition(" See ")
        assert page == str(run.data_docs)
        assert line == read_json(run.profile)["sentence"]
        return line

    return refused


def blocks(sequences: list[str]) -> str:
    return "\n\n".join(sequences) + "\n"


def conll(**keys: Any) -> dict[str, Any]:
    return {"format": "conll", "path": "a.conll", **keys}


def jsonl(**keys: Any) -> dict[str, Any]:
    return {"format": "jsonl", "path": "a.jsonl", **keys}


CASES: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    (
        blocks([*SOUND[:2], *(f"in\tO\nKent{i}\tI-LOC" for i in range(18))]),
        conll(),
        {"tags": {"scheme": "IOB2"}},
        "refused by illegal_transition: 90.00% of 20 sequences break scheme IOB2 (B-X, I-X and O): the tags "
        "look like another scheme or spelling (set tags.scheme and tags.spelling, or tags.scheme = "
        '"none" if they are not spans); first a.conll:9: token 2: I-LOC cannot follow O in IOB2; '
        + IS_REFUSED,
    ),
    (
        blocks(["Ada\tB-PER", *(f"in\tO\nKent{i}" for i in range(19))]),
        conll(),
        {},
        "refused by broken_sequence: 95.00% of 20 sequences cannot be read as declared: "
        "the keys of the source do not fit it, as the first defect shows (correct keys such as separator, "
        "header, comment, delimiter, sequence_ids or order_format); first a.conll:4: found 1 columns, "
        "expected 2 (is a cell empty, or is it a comment?): 'Kent0'; " + IS_REFUSED[:-1],
    ),
    (
        "\n".join(f'{{"tokens": ["Ada{i}", ""], "tags": ["B-PER", "O"]}}' for i in range(20)),
        jsonl(),
        {},
        "refused by empty_token: 100.00% of 20 sequences have an empty token: the tokens are in another "
        "column, or some rows have none (correct token_column or tokens_column, or the source); first "
        "a.jsonl:1: token 2 is (empty); " + IS_REFUSED,
    ),
    (
        "\n".join(f'{{"tokens": ["Ada{i}", "ran"], "tags": ["O"]}}' for i in range(20)),
        jsonl(),
        {},
        "refused by length_mismatch: 100.00% of 20 sequences have more or fewer tags than tokens: tokens and "
        "tags are split differently, or their columns do not belong together (correct the columns "
        "of the source); first a.jsonl:1: 2 tokens, 1 tags; " + IS_REFUSED,
    ),
    (
        blocks(SOUND[:20]),
        conll(),
        {"tags": {"declared": ["O", "B-PER"]}},
        "refused by unknown_tag: 100.00% of 20 sequences have a tag that is not declared: tags.declared is "
        "spelled differently from the corpus, or the tags are in another column (correct tags.declared or "
        "tag_column); first a.conll:1: token 3: tag B-LOC is not declared; " + IS_REFUSED,
    ),
    (
        blocks(SOUND[:20]),
        conll(),
        {"quality": {"max_length": 2}},
        "refused by over_long: 100.00% of 20 sequences are too long: sequence ends are not "
        "recognized (check blank lines or the column of sequence ids, cut sequences with "
        "corpus.cut.max_length, or raise quality.max_length); first "
        "a.conll:1: 3 tokens, more than quality.max_length = 2; " + IS_REFUSED,
    ),
    (
        "\n".join(LISTS.format(i % 10, "").replace("walk", f"step{i}") for i in range(20)),
        jsonl(id_column="id"),
        {},
        "refused by duplicate_id: 100.00% of 20 sequences have the id of another sequence: ids are unique "
        "only within a file or split, or the rows of a sequence are not adjacent (id_scope = "
        '"file" makes ids unique per file, rows = "interleaved" groups rows by id); first a.jsonl:1: '
        "a.jsonl:11 has the same id; " + IS_REFUSED,
    ),
    (
        blocks(["home\tbrowse", "home\tbuy"] * 10),
        conll(),
        {"quality": {"rules": {"conflicting_labels": "quarantine"}}},
        "refused by conflicting_labels: 100.00% of 20 sequences have the same tokens as another sequence "
        "but different tags: the tags depend on information that the tokens do not contain "
        '([quality.rules] conflicting_labels = "warn" keeps such sequences); first a.conll:1: '
        "a.conll:3 has the same tokens but different tags; " + IS_REFUSED,
    ),
    (
        "\n".join(LISTS.format(i, ("practice", "final")[i % 2]) for i in range(20)),
        jsonl(split_column="part"),
        {},
        "refused by unknown_split: 100.00% of 20 sequences name an unknown split: the splits are not called "
        'train, dev and test (map their names with split_names = { NAME = "train" }); found practice, final; '
        "first a.jsonl:1: split practice is unknown; map it with split_names",
    ),
]


@pytest.mark.parametrize(
    ("content", "source", "tables", "line"), CASES, ids=[case[3][11:30] for case in CASES]
)
def test_the_commonest_fault_comes_first_with_its_first_place_and_the_key(
    content, source, tables, line, refusal
):
    assert refusal({source["path"]: content}, source, **tables).startswith(line)


def test_each_rule_that_can_refuse_most_of_a_corpus_has_a_likely_cause():
    assert {*get_args(RowRule), "unknown_split"} <= set(CAUSES)


def test_a_few_broken_sequences_are_counted_with_the_first_place(refusal):
    content = blocks([*SOUND, "in\tO\nKent\tI-LOC", "Ada"])

    assert refusal({"a.conll": content}, conll()) == (
        "refused by quarantine_budget (at most 1.00% of the sequences are quarantined): 3.23% (2 of 62 "
        "sequences), most by broken_sequence 1, illegal_transition 1; first a.conll:244: found 1 "
        "columns, expected 2 (is a cell empty, or is it a comment?): 'Ada'."
    )


def test_a_source_with_one_fault_throughout_is_named(refusal):
    files = {"a.conll": blocks(SOUND), "b.conll": blocks([f"in\tO\nKent{i}\tI-LOC" for i in range(6)])}

    assert refusal(files, conll(), conll(path="b.conll")) == (
        "refused by illegal_transition: 100.00% of 6 sequences of b.conll break scheme IOB2 (B-X, I-X and "
        "O): the tags look like another scheme or spelling (set tags.scheme and tags.spelling, or "
        'tags.scheme = "none" if they are not spans); first b.conll:1: token 2: I-LOC cannot follow O in '
        "IOB2; also by quarantine_budget."
    )


ONE_OF_TEN = [
    (
        "San\tB-LOC\nJuan\tI-LOC\nde\tI-LOC\nX{}\tL-LOC\nin\tO\nUtah\tU-LOC",
        "IOBES (B-X, I-X, L-X, U-X and O)",
    ),
    ("Kent{}\tI-LOC\nis\tO\nnear\tO\nBath\tI-LOC", "IOB1 (B-X, I-X and O)"),
]


def ten_files(other: str) -> dict[str, str]:
    """Return ten files, one of which has another scheme than B-X and I-X."""
    usual = "Ada{}\tB-PER\nBo\tI-PER\nsaw\tO\nKent{}\tB-LOC"
    return {
        f"part-{n}.conll": blocks([(other if n == 7 else usual).format(20 * n + i, i) for i in range(20)])
        for n in range(10)
    }


@pytest.mark.parametrize(("other", "scheme"), ONE_OF_TEN, ids=["BILOU", "IOB1"])
def test_the_one_file_of_ten_with_another_scheme_is_named(other: str, scheme: str, refusal) -> None:
    said = refusal(ten_files(other), conll(path="part-*.conll"))

    assert (
        "10.00% (20 of 200 sequences), most by illegal_transition 20, all in part-7.conll (of 10 files), "
        f"whose tags look like {scheme}; first part-7.conll:1: token "
    ) in said


def test_check_names_the_broken_file_of_a_corpus_that_is_accepted(tmp_path: Path) -> None:
    for name, content in ten_files(ONE_OF_TEN[1][0]).items():
        (tmp_path / name).write_text(content, "utf-8")
    sources = [conll(path=str(tmp_path / "part-*.conll"))]
    config = TaggerConfig.model_validate(
        {"name": "toy", "corpus": {"sources": sources}, "quality": {"quarantine_budget": 0.2}}
    )

    found = steps.check(config)

    assert found.fault is None
    broken = "all in part-7.conll (of 10 files), whose tags look like IOB1 (B-X, I-X and O)"
    assert f"quarantined, {broken}; first part-7.conll:1: " in steps.check_text(found)
    message = next(rule.message for rule in found.profile.rules if rule.rule == "illegal_transition")
    assert message.endswith(f"found: 20 of 200 sequences break it, {broken}")


def test_faults_that_are_in_most_files_are_of_no_single_file(refusal) -> None:
    files = {f"part-{n}.conll": blocks([*SOUND[:20], "in\tO\nKent\tI-LOC"]) for n in range(4)}

    assert "most by illegal_transition 4; first part-0.conll:81" in refusal(files, conll(path="part-*.conll"))


def test_a_long_defect_is_shortened(refusal):
    line = refusal(
        {"a.conll": blocks([*SOUND, f"{'x' * 90}\tO\n" * 2 + "-".join(map(str, range(900)))])}, conll()
    )

    assert len(line) < 700


@pytest.mark.parametrize(
    ("keys", "tables", "reason"),
    [
        (
            {},
            {},
            "the corpus is a single document, which is never divided: declare smaller documents "
            '(document_column, or documents = "none" for conll and conllu), or label dev and test with split '
            "or split_column; ",
        ),
        (
            {"split": "train"},
            {"split": {"mode": "official"}},
            'no source labels dev: label it, or set split.mode = "auto" to split off dev and test; 20 train',
        ),
        (
            {"split": "test"},
            {},
            "no source labels train: label it, or leave sequences unlabelled to split it off from; 0 train",
        ),
    ],
)
def test_an_empty_split_is_explained(keys, tables, reason, refusal):
    content = "-DOCSTART- -X- O\n\n".replace(" ", "\t") + blocks(SOUND[:20])

    assert refusal({"a.conll": content}, conll(**keys), **tables).startswith(
        "refused by empty_split (train, dev and test each contain at least one sequence): " + reason
    )


def test_a_small_corpus_is_too_small_for_its_splits(refusal):
    assert "the corpus has 12 one-sequence documents, too few for 10% for dev and 10% for test: " in refusal(
        {"a.conll": blocks(SOUND[:12])}, conll()
    )


def test_too_few_documents_are_counted(refusal):
    documents = "".join(
        f"-DOCSTART-\tO\n\nword{i}\tO\n\n" + blocks(SOUND[i : i + 5]) + "\n" for i in (0, 5, 10)
    )

    assert "the corpus has 3 documents, too few for 10% for dev and 10% for test: " in refusal(
        {"a.conll": documents}, conll()
    )
