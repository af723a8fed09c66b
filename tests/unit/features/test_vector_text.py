"""Parsing of word vectors from text files, with blocks of any size."""

from __future__ import annotations

import bz2
import gzip
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import fsspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqtag.corpus.text_blocks import BLOCK_BYTES
from seqtag.errors import ConfigError, CorpusFormatError
from seqtag.features.vectors import Vectors, read_vectors

Read = Callable[..., Vectors]
SMALL_BLOCKS = (1, 2, 3, 5, 7, 16, 1 << 20)  # bytes
PACKERS = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".zst": lambda text: pa.Codec("zstd").compress(text, asbytes=True),
}


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write a file and read it, with the requested words between spaces: `read("a 1 2\\n", "a b")`."""

    def vectors(
        content: str | bytes,
        wanted: str | Sequence[str],
        *,
        name: str = "glove.txt",
        block_bytes: int = BLOCK_BYTES,
    ) -> Vectors:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        words = wanted.split() if isinstance(wanted, str) else wanted
        return read_vectors(str(path), pa.array(words, pa.string()), block_bytes=block_bytes)

    return vectors


def rows(vectors: Vectors) -> dict[str, list[float]]:
    return dict(zip(vectors.words.to_pylist(), vectors.values.tolist(), strict=True))


@pytest.mark.parametrize(
    "content",
    [
        "the 1 2.5 -3\nof 4e-1 .5 +6\nand 7 8 9\n",
        "3 3\nthe 1 2.5 -3\nof 4e-1 .5 +6\nand 7 8 9\n",
        "3 3 \nthe 1 2.5 -3 \nof 4e-1 .5 +6 \nand 7 8 9 \n",
        "the 1 2.5 -3\r\nof 4e-1 .5 +6\r\nand 7 8 9\r\n",
        "3 3\r\nthe 1 2.5 -3 \r\nof 4e-1 .5 +6 \r\nand 7 8 9 \r\n",
        "the 1 2.5 -3\nof 4e-1 .5 +6\nand 7 8 9",
        "\ufeffthe 1 2.5 -3\nof 4e-1 .5 +6\nand 7 8 9\r",
        "the  1 2.5   -3\nof 4e-1   .5  +6  \nand  7 8 9\n",
        "the 1 2.5 -3\n\n\nof 4e-1 .5 +6\n\nand 7 8 9\n\n",
    ],
    ids=[
        "glove",
        "word2vec",
        "fasttext",
        "crlf",
        "crlf and trailing blanks",
        "no last newline",
        "byte order mark, and a file that ends within a line end",
        "runs of blanks",
        "empty lines",
    ],
)
@pytest.mark.parametrize("block_bytes", SMALL_BLOCKS)
def test_requested_vectors_are_read_in_the_order_of_the_file(
    content: str, block_bytes: int, read: Read
) -> None:
    vectors = read(content, "nowhere of the", block_bytes=block_bytes)
    assert rows(vectors) == {"the": [1, 2.5, -3], "of": [np.float32(0.4), 0.5, 6]}
    assert vectors.words.to_pylist() == ["the", "of"]
    assert vectors.values.dtype == np.float32
    assert (vectors.dim, len(vectors), vectors.n_in_file, vectors.n_not_utf8) == (3, 2, 3, 0)


@pytest.mark.parametrize("block_bytes", SMALL_BLOCKS)
def test_a_word_may_have_several_fields(block_bytes: int, read: Read) -> None:
    content = ". 1 2\n. . . 3 4\nat name@domain.com 5 6\n 7 8\n1 9 10\n"
    vectors = read(content, [". . .", "at name@domain.com", "", "1", "at"], block_bytes=block_bytes)
    assert rows(vectors) == {". . .": [3, 4], "at name@domain.com": [5, 6], "": [7, 8], "1": [9, 10]}


def test_only_spaces_separate_fields(read: Read) -> None:
    assert rows(read("a\u00a0b 1 2\n\u3000 3 4\na\tb 5 6\n", ["a\u00a0b", "\u3000", "a\tb"])) == {
        "a\u00a0b": [1, 2],
        "\u3000": [3, 4],
        "a\tb": [5, 6],
    }


@pytest.mark.parametrize("block_bytes", SMALL_BLOCKS)
def test_blocks_may_end_within_a_character(block_bytes: int, read: Read) -> None:
    assert rows(read("š 1 2\n日本 3 4\n😀 5 6\n", "日本 😀 š", block_bytes=block_bytes)) == {
        "š": [1, 2],
        "日本": [3, 4],
        "😀": [5, 6],
    }


@pytest.mark.parametrize("block_bytes", SMALL_BLOCKS)
def test_the_first_of_repeated_words_wins(block_bytes: int, read: Read) -> None:
    vectors = read("a 1\nb 2\na 3\nb 4\n", "b a", block_bytes=block_bytes)
    assert rows(vectors) == {"a": [1], "b": [2]}
    assert vectors.n_in_file == 4


@pytest.mark.parametrize("block_bytes", SMALL_BLOCKS)
@pytest.mark.parametrize(
    ("content", "wanted", "expected"),
    [
        ("THE 1\nThe 2\n", "the", {"the": [1]}),
        ("THE 1\nThe 2\nthe 3\nthe 4\n", "the", {"the": [3]}),
        ("the 3\nTHE 1\n", "the", {"the": [3]}),
        ("THE 1\na 2\nthe 3\n", "the a", {"a": [2], "the": [3]}),
        ("The 1\n", "the The", {"The": [1], "the": [1]}),
        ("the 1\n", "The", {}),
        ("ŠÁL 1\n", "šál", {"šál": [1]}),
        ("1987 1 2\n0000 3 4\n", "0000", {"0000": [3, 4]}),
    ],
)
def test_an_exact_match_wins_over_one_in_lower_case(
    content: str, wanted: str, expected: dict[str, list[float]], block_bytes: int, read: Read
) -> None:
    vectors = read(content, wanted, block_bytes=block_bytes)
    assert rows(vectors) == expected
    assert list(rows(vectors)) == list(expected)


def test_padding_and_the_unknown_word_are_not_looked_up(read: Read) -> None:
    assert rows(read("<unk> 1\n<pad> 2\na 3\n", "<pad> <unk> a")) == {"a": [3]}


def test_without_requested_words_there_are_no_vectors(read: Read) -> None:
    for wanted in ("", "b"):
        vectors = read("a 1 2\n", wanted)
        assert (vectors.values.shape, vectors.n_in_file) == ((0, 2), 1)


@pytest.mark.parametrize("block_bytes", SMALL_BLOCKS)
def test_a_word_cut_within_a_character_is_counted_and_skipped(block_bytes: int, read: Read) -> None:
    content = "š 1 2\n".encode() + b"\xc5 3 4\nx \xc5 5 6\n" + "Š 7 8\nb 9 10\n".encode()
    vectors = read(content, "š b", block_bytes=block_bytes)
    assert rows(vectors) == {"š": [1, 2], "b": [9, 10]}
    assert (vectors.n_in_file, vectors.n_not_utf8) == (5, 2)


def test_numbers_of_other_words_are_not_parsed(read: Read) -> None:
    assert rows(read("a 1 2\nb x nan\na y z\nA p q\n", "a")) == {"a": [1, 2]}


def test_numbers_too_small_for_float32_are_zero(read: Read) -> None:
    assert rows(read("a 1e-50 -0\n", "a")) == {"a": [0, 0]}


@pytest.mark.parametrize("suffix", PACKERS)
def test_compressed_files_are_decompressed(suffix: str, read: Read) -> None:
    packed = PACKERS[suffix](b"1 2\na 1 2\n")
    assert rows(read(packed, "a", name=f"cc.vec{suffix}")) == {"a": [1, 2]}


def zipped(path: Path, **members: str) -> str:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(f"{name}.txt", content)
    return str(path)


def test_a_zip_of_one_file_is_that_file(tmp_path: Path) -> None:
    path = zipped(tmp_path / "glove.zip", glove="a 1 2\nb 3 4\n")
    assert rows(read_vectors(path, pa.array(["b"]), block_bytes=3)) == {"b": [3, 4]}


def test_one_file_of_a_zip_archive_of_several_must_be_named(tmp_path: Path) -> None:
    path = zipped(tmp_path / "glove.zip", glove50="a 1 2\n", glove100="a 3 4\n")
    with pytest.raises(
        ConfigError, match=r"path matches 2 files: expected one file of vectors, got glove50.txt, glove100"
    ):
        read_vectors(path, pa.array(["a"]))
    assert rows(read_vectors(f"zip://glove100.txt::{path}", pa.array(["a"]))) == {"a": [3, 4]}


@pytest.mark.parametrize("damage", ["cut short", "changed", "not packed"])
def test_a_damaged_zip_is_an_error(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "glove.zip"
    zipped(path, glove="a 1 2\nb 3 4\n" * 100)
    whole = path.read_bytes()
    damaged = {
        "cut short": whole[:-9],
        "changed": whole[:45] + b"????" + whole[49:],
        "not packed": b"a 1 2\n",
    }
    path.write_bytes(damaged[damage])
    with pytest.raises(CorpusFormatError, match=r"glove\.\w+: the zip archive is damaged"):
        read_vectors(str(path), pa.array(["a"]))


def test_a_damaged_gzip_is_an_error(read: Read) -> None:
    with pytest.raises(CorpusFormatError, match=r"glove\.gz: damaged or incomplete gzip data"):
        read(gzip.compress(b"a 1 2\n" * 100)[:-9], "a", name="glove.gz")


def test_any_fsspec_url_is_read() -> None:
    with fsspec.open("memory://vectors/glove.txt", "wb") as file:
        file.write(b"a 1 2\n")
    assert rows(read_vectors("memory://vectors/*.txt", pa.array(["a"]))) == {"a": [1, 2]}


def test_a_path_must_name_one_file(read: Read, tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        read("a 1\n", "a", name=name)
    with pytest.raises(ConfigError, match=r"expected one file of vectors, got a\.txt, b\.txt"):
        read_vectors(f"{tmp_path}/*.txt", pa.array(["a"]))
    with pytest.raises(ConfigError, match="matches no file"):
        read_vectors(f"{tmp_path}/c.txt", pa.array(["a"]))


FOUR_ROWS = "a 1 2\nb 3 4\nc 5 6\nd 7 8\n"


@pytest.mark.parametrize("block_bytes", [1, 9, 1 << 20])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"1: first line is not a vector: .* `n d` above 0, got an empty file"),
        ("\n", r"1: first line is not a vector: .* `n d` above 0, got ''"),
        ("a\n", r"1: first line is not a vector: .* `n d` above 0, got 'a'"),
        ("0 3\n", r"1: first line is not a vector: .* `n d` above 0, got '0 3'"),
        ("5 2\n" + FOUR_ROWS, r"1: number of vectors is wrong: expected 5, as declared here, got 4"),
        ("3 2\n" + FOUR_ROWS, r"1: number of vectors is wrong: expected 3, as declared here, got 4"),
        ("3 2\n", r"1: number of vectors is wrong: expected 3, as declared here, got 0"),
        (
            FOUR_ROWS + "e 9\n",
            r"5: line has another dimension: .* 2 numbers, as in the first line, got 1 after",
        ),
        (
            FOUR_ROWS + "\ne 9 10 11\n",
            r"6: line has another dimension: expected a word and 2 numbers, as in the first line, got 3",
        ),
        (
            "4 1\na 1\nb\n",
            r"3: line has another dimension: .* a word and 1 number, as declared by the first line, got 0",
        ),
        ("x y 1 2\n", r"1: number 1 is not finite: expected a float32, got 'y'"),
        (
            FOUR_ROWS + "w 1,5 2\n",
            r"5: number 1 is not finite: expected a float32, got '1,5'",
        ),
        (
            FOUR_ROWS + "w 1 nan\n",
            r"5: number 2 is not finite: expected a float32, got 'nan'",
        ),
        (FOUR_ROWS + "W 1 -inf\n", r"5: number 2 is not finite: .*, got '-inf'"),
        (FOUR_ROWS + "w 1e39 2\n", r"5: number 1 is not finite: .*, got '1e39'"),
        (FOUR_ROWS + "w x 2\nw y 2\nf\n", r"5: number 1 is not finite: .*, got 'x'"),
        (FOUR_ROWS + "f\nw x 2\n", r"5: line has another dimension: expected a word and 2 numbers"),
        (FOUR_ROWS.encode() + b"w 1 \xff2\n", r"5: number 2 is not finite: .*, got '\\\\xff2'"),
    ],
)
def test_an_error_names_its_line(content: str | bytes, message: str, block_bytes: int, read: Read) -> None:
    with pytest.raises(CorpusFormatError, match=rf"^glove\.txt:{message}"):
        read(content, "a d w", block_bytes=block_bytes)


def test_a_word_may_end_in_a_number_if_the_dimension_is_declared(read: Read) -> None:
    assert rows(read("2 2\na 1 2\nBoeing 747 3 4\n", ["Boeing 747"])) == {"Boeing 747": [3, 4]}


@pytest.mark.parametrize("content", [b"2 3\n", b"", b"\xba\x16\x4f\x2f\x0c\0\0\0"])
def test_binary_vectors_are_refused(content: bytes, read: Read) -> None:
    numbers = np.arange(1, 4, dtype="<f4").tobytes()
    with pytest.raises(CorpusFormatError, match=r"file is binary: expected word vectors as text"):
        read(content + b"</s> " + numbers + b"\nthe " + numbers + b"\n", "the", name="vectors.bin")


def test_a_line_that_never_ends_is_an_error(read: Read) -> None:
    with pytest.raises(CorpusFormatError, match="line is too long: expected at most 16777216 bytes"):
        read(b"a 1\n" + b"b" * ((1 << 24) + 1), "a")


@pytest.mark.parametrize("with_first_line", [False, True])
def test_the_result_does_not_depend_on_the_blocks(with_first_line: bool, read: Read) -> None:
    random = np.random.default_rng(5)
    names = [f"{'Ww'[k % 2]}ö{k // 3}" for k in random.integers(0, 3000, 4000)]
    numbers = random.normal(size=(4000, 20)).round(4)
    lines = [f"{name} {' '.join(map(str, row))}\n" for name, row in zip(names, numbers, strict=True)]
    content = "4000 20\n" * with_first_line + "".join(lines)
    wanted = [f"{w}ö{k}" for k in range(0, 1200, 2) for w in "wW"]
    whole = read(content, wanted, block_bytes=1 << 22)
    for block_bytes in (100, 1001, 65536):
        vectors = read(content, wanted, block_bytes=block_bytes)
        assert vectors.digest == whole.digest
        assert vectors.n_in_file == 4000
    # The same with dictionaries: the first exact match, else the first match in lower case.
    equal = dict(zip(names[::-1], numbers[::-1].astype(np.float32).tolist(), strict=True))
    lowered = {name.lower(): equal[name] for name in reversed(dict.fromkeys(names))}
    assert rows(whole) == {word: (lowered | equal)[word] for word in wanted if word in lowered | equal}


WORDS = st.text(st.characters(codec="utf-8", exclude_characters=" \n\r"), min_size=1, max_size=6).filter(
    lambda word: word not in ("<pad>", "<unk>")  # these get no vector from the file
)
PHRASES = st.lists(WORDS, min_size=1, max_size=3).map(" ".join)
NUMBERS = st.floats(width=32, allow_nan=False, allow_infinity=False)
STYLES = {"glove": "\n", "word2vec": "\n", "fasttext": " \n", "crlf": "\r\n"}  # line ending by program


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
@given(style=st.sampled_from(sorted(STYLES)), block_bytes=st.integers(1, 60), data=st.data())
def test_reading_a_written_file_is_the_identity(
    read: Read, style: str, block_bytes: int, data: st.DataObject
) -> None:
    dim = data.draw(st.integers(1, 4))
    words = WORDS if style == "glove" else PHRASES  # without a header, the first word cannot be a phrase
    vector = st.lists(NUMBERS, min_size=dim, max_size=dim)
    table = data.draw(st.dictionaries(words, vector, min_size=1, max_size=6))
    wanted = data.draw(st.lists(st.sampled_from(sorted(table)), unique=True))

    first_line = [] if style == "glove" else [f"{len(table)} {dim}"]
    lines = [*first_line, *(f"{word} {' '.join(map(repr, row))}" for word, row in table.items())]
    vectors = read("".join(line + STYLES[style] for line in lines), wanted, block_bytes=block_bytes)

    assert list(rows(vectors).items()) == [(word, row) for word, row in table.items() if word in wanted]
    assert vectors.n_in_file == len(table)
