"""`seqtag tag` splits text into the same tokens as the corpus readers, and keeps other fields."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from typer.testing import CliRunner

from seqtag.cli import app, tag_files, tag_input
from seqtag.config import Source
from seqtag.config.tagger_config import CorpusConfig
from seqtag.corpus import read_sources
from seqtag.corpus.files import find_files
from seqtag.corpus.formats.conll import read_conll
from seqtag.corpus.source_report import SourceReport
from seqtag.errors import CorpusFormatError
from seqtag.features import ColumnIndex
from seqtag.monitoring import read_tagged

ODD = "\u00a0\u3000\u2028\u2029\u0085\u001c\u000b\u000c\u200b"  # white space in Python, and more
TEXTS = st.text(st.sampled_from(f"ab \t\n{ODD}") | st.characters(exclude_categories=["Cs"]), max_size=60).map(
    lambda text: text.replace("\r", "").replace("\ufeff", "")
)
Tag = Callable[..., str]


class Lengths:
    """Fake tagger: the tag of a token is its number of characters."""

    @staticmethod
    def load_exported(_: Path) -> Any:
        def tag(tokens: pa.ListArray, _columns: object) -> SimpleNamespace:
            rows = tokens.to_pylist()
            confidence = pa.array([[0.5] * len(row) for row in rows], pa.list_(pa.float32()))
            predicted = pa.array([[f"L{len(token)}" for token in row] for row in rows], pa.list_(pa.string()))
            return SimpleNamespace(predicted=predicted, confidence=confidence)

        bundle = SimpleNamespace(output_scheme="none")
        return SimpleNamespace(tag=tag, bundle=bundle, columns=ColumnIndex())


@pytest.fixture(scope="module")
def tag(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Run `seqtag tag` in this process with `Lengths` as the model."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQTAG_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setattr(tag_files, "Tagger", Lengths)
        patch.setattr(tag_files, "_model", lambda *_: (Path(), ()))

        def run(*arguments: str, stdin: str = "") -> str:
            done = CliRunner().invoke(app, ["tag", "small", *arguments], input=stdin, catch_exceptions=False)
            assert done.exit_code == 0, done.output
            return done.stdout_bytes.decode()

        yield run


def tokens_of(text: str) -> list[list[str]]:
    """Return the tokens of each line of a text, separated by spaces and tabs."""
    return [re.findall(r"[^ \t]+", line) for line in text.removesuffix("\n").split("\n")] if text else []


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS)
@example("5\u00a0km\u3000x \u3000 b\u2028c\n")
@example("\n\na\n")
def test_as_many_tokens_come_out_as_go_in(tag: Tag, text: str) -> None:
    printed = tag("--format", "text", stdin=text)
    lengths = list(map(len, tokens_of(text)))
    assert printed.count("\t") == sum(lengths)
    assert printed.count("\n") == sum(lengths) + len(lengths)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS, st.sampled_from([1, 5, 1 << 20]))
def test_tokens_match_the_reader_of_parallel_text(tmp_path: Path, text: str, block: int) -> None:
    path, tags = tmp_path / "tok.txt", tmp_path / "tag.txt"
    path.write_bytes(text.encode())
    tags.write_text("".join("O" * len(tokens) + "\n" for tokens in tokens_of(text)))
    if not any(tokens_of(text)):
        return
    corpus = {"sources": [{"format": "parallel", "path": str(path), "tags_path": str(tags)}]}
    batches = read_sources(CorpusConfig.model_validate(corpus))
    read = [tokens for batch in batches for tokens in batch["tokens"].to_pylist()]
    texts = tag_input.read_text(tag_input.local_file(path), block_bytes=block)
    cut = [tokens for batch in texts for tokens in batch.to_pylist()]
    assert list(map(bare, cut)) == list(map(bare, read))
    assert list(map(len, cut)) == list(map(len, tokens_of(text)))


def bare(tokens: list[str]) -> list[str]:
    return [token.strip(tag_input.WHITE_SPACE) for token in tokens]


def test_the_output_can_be_read_as_conll(tag: Tag, tmp_path: Path) -> None:
    text = f"5\u00a0km {'x'.join(ODD)}b \u3000 c\nd\n"
    (tmp_path / "tagged.conll").write_bytes(tag(stdin=text).encode())
    source = TypeAdapter(Source).validate_python({"format": "conll", "path": f"{tmp_path}/tagged.conll"})
    batches = read_conll(source, find_files(source.path)[0], (), SourceReport())
    rows = [row for batch in batches for row in batch.to_pylist()]
    assert [len(row["tokens"]) for row in rows] == [4, 1]
    assert (rows[0]["tokens"][0], rows[0]["tags"][0], rows[1]["tokens"]) == ("5\u00a0km", "L4", ["d"])


def test_white_space_around_a_token_is_removed(tag: Tag) -> None:
    assert tag(stdin="\u00a0ab\u3000 \u2009 c\n") == "ab\tL2\n\u2009\tL1\nc\tL1\n\n"


def test_line_ends_and_byte_order_marks_are_handled_like_in_the_readers(tag: Tag, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("\ufeffa b\r\nc".encode())
    assert tag(str(path)) == "a\tL1\nb\tL1\n\nc\tL1\n\n"
    assert tag(stdin="\ufeffa\r\n") == "a\tL1\n\n"
    assert tag(stdin="\ufeffa\n\ufeffb\n") == "a\tL1\n\nb\tL1\n\n"


def test_compressed_files_are_read_and_files_are_concatenated(tag: Tag, tmp_path: Path) -> None:
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"a\n"))
    (tmp_path / "b*.txt").write_text("bb\n")  # no glob
    assert tag(f"{tmp_path}/a.txt.gz", f"{tmp_path}/b*.txt") == "a\tL1\n\nbb\tL2\n\n"


def test_gold_tags_and_all_other_fields_are_kept(tag: Tag) -> None:
    given_ = {"id": 7, "tokens": ["a", " b"], "tags": ["X", "Y"], "meta": {"tags": None}}
    tagged = json.loads(tag("--format", "jsonl", stdin=json.dumps(given_) + "\n"))
    assert tagged == {**given_, "predicted": ["L1", "L2"], "confidence": [0.5, 0.5]}


def test_earlier_predictions_are_replaced_with_a_message(tag: Tag) -> None:
    line = '{"tokens": ["a"], "predicted": ["old"], "confidence": [1.0]}\n'
    done = CliRunner().invoke(app, ["tag", "--format", "jsonl"], input=line + '{"tokens": ["b"]}\n')
    assert [json.loads(each)["predicted"] for each in done.stdout.splitlines()] == [["L1"], ["L1"]]
    assert done.stderr == "Replaced `predicted` or `confidence` of 1 objects that already had them.\n"


def test_old_and_new_output_can_be_read_as_a_tagged_log(tag: Tag, tmp_path: Path) -> None:
    new = tag("--format", "jsonl", stdin='{"tokens": ["a", "bb"], "tags": ["GOLD", "GOLD"]}\n')
    old = '{"tokens": ["c"], "tags": ["L1"], "confidence": [0.5]}\n'
    (tmp_path / "log.jsonl").write_text(new + old)
    batches = list(read_tagged(tmp_path / "log.jsonl", scheme="none", spelled="none"))
    assert [row["tags"] for batch in batches for row in batch.to_pylist()] == [["L1", "L2"], ["L1"]]
    assert batches[0]["confidence"].to_pylist() == [[0.5, 0.5], [0.5]]


def test_thousands_of_sequences_keep_their_order(tag: Tag) -> None:
    n = 2 * tag_input.AT_A_TIME + 1
    text = "".join(f"{i}\n" for i in range(n))
    assert [line.split("\t")[0] for line in tag(stdin=text).split("\n\n")] == [*map(str, range(n)), ""]
    lines = tag(
        "--format", "jsonl", stdin="".join(f'{{"tokens": ["{i}"]}}\n\n' for i in range(n))
    ).splitlines()
    assert [json.loads(line)["tokens"] for line in lines] == [[str(i)] for i in range(n)]


def test_an_object_that_repeats_a_key_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"tokens": ["a"]}\n{"tokens": ["b"], "meta": {"id": 1, "id": 2}}\n')
    with pytest.raises(CorpusFormatError, match=r"a\.jsonl:2: key 'id' is repeated"):
        list(tag_input.read_objects(tag_input.local_file(path)))
