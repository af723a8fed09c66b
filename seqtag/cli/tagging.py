"""`seqtag tag`: sequences in, tagged sequences out, a few thousand at a time."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from enum import StrEnum
from itertools import chain, islice
from pathlib import Path
from typing import Annotated, Any

import typer

from seqtag.cli.surroundings import find_run, place
from seqtag.errors import ConfigError, CorpusFormatError
from seqtag.sealing import (
    require_manifest,
)
from seqtag.steps import Place

AT_A_TIME = 2048  # sequences


class Alias(StrEnum):
    champion = "champion"
    challenger = "challenger"
    previous = "previous"


class Form(StrEnum):
    text = "text"  # one sequence a line, tokens separated by blanks
    jsonl = "jsonl"  # one JSON object a line with an array `tokens`


def add_to(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("tag")(tag)


def tag(
    files: Annotated[list[Path] | None, typer.Argument(help="Files to tag; none: standard input.")] = None,
    run: Annotated[str | None, typer.Option(help="Use this run's model: folder, run id or tagger.")] = None,
    tagger: Annotated[str | None, typer.Option(help="Use this tagger's model from the registry.")] = None,
    alias: Annotated[Alias, typer.Option(help="Which of the tagger's versions.")] = Alias.champion,
    form: Annotated[Form, typer.Option("--format", help="Form of the input and the output.")] = Form.text,
) -> None:
    """Tag sequences.

    Text in gives one `token<TAB>tag` a line and a blank line after each sequence; JSON Lines in gives the
    same objects with `tags` and `confidence`.

    Examples: `echo "search view_item checkout" | seqtag tag --tagger sample` and
    `seqtag tag --run sample --format jsonl sessions.jsonl > tagged.jsonl`
    """
    import pyarrow as pa

    from seqtag.neural import Tagger

    bundle = _bundle(run, tagger, alias, place())
    sequences = _sequences(files, form)
    batch = list(islice(sequences, AT_A_TIME))  # bad input is said before TensorFlow is loaded
    model = Tagger.load(bundle)
    write = _write_text if form is Form.text else _write_jsonl
    while batch:
        tokens = pa.array([sequence["tokens"] for sequence in batch], pa.list_(pa.string()))
        tagged = model.tag(tokens)
        write(batch, tagged.predicted.to_pylist(), tagged.confidence.to_pylist())
        batch = list(islice(sequences, AT_A_TIME))


def _bundle(run: str | None, tagger: str | None, alias: Alias, where: Place) -> Path:
    if (run is None) == (tagger is None):
        raise ConfigError("either --run or --tagger was required, and not both")
    if run is not None:
        if alias is not Alias.champion:
            raise ConfigError("--alias names a version in the registry: --tagger was required, not --run")
        found = find_run(run, where)
        require_manifest(found.model)
        return found.model
    version = where.registry().at_alias(str(tagger), alias.value)
    if version is None:
        raise ConfigError(f"a tagger with a {alias} in the registry was required. Received: {tagger!r}")
    return version.bundle


def _sequences(files: list[Path] | None, form: Form) -> Iterator[dict[str, Any]]:
    for where, line in chain.from_iterable(map(_lines, files)) if files else _lines(None):
        if form is Form.text:
            yield {"tokens": line.split()}
        elif line.strip():
            yield _parsed(line, where)


def _lines(path: Path | None) -> Iterator[tuple[str, str]]:
    """Yield the lines of a file, or of standard input, each with the words for where it stands."""
    name, number = str(path or "standard input"), 0
    try:
        with path.open("rb") if path else nullcontext(sys.stdin.buffer) as file:
            for number, line in enumerate(file, start=1):
                yield f"{name}:{number}", line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise CorpusFormatError(f"{name}:{number}: UTF-8 text was required. Received: {error}") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in its name
        raise CorpusFormatError(f"{name}: UTF-8 text was required. Received: {error}") from error


def _parsed(line: str, where: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
        json.dumps(value, ensure_ascii=False).encode()  # fails on half a surrogate pair, which no text holds
    except (ValueError, RecursionError) as error:
        raise CorpusFormatError(f"{where}: a JSON object was required. Received: {error}") from error
    tokens = value.get("tokens") if isinstance(value, dict) else None
    if not isinstance(tokens, list) or not all(isinstance(token, str) and token for token in tokens):
        raise CorpusFormatError(
            f"{where}: an object with `tokens`, an array of non-empty strings, was required. "
            f"Received: {line.strip()[:80]}"
        )
    return value


def _write_text(batch: Iterable[dict[str, Any]], tags: list[list[str]], _: list[list[float]]) -> None:
    pairs = (
        chain((f"{token}\t{tag}" for token, tag in zip(sequence["tokens"], row, strict=True)), ("",))
        for sequence, row in zip(batch, tags, strict=True)
    )
    sys.stdout.write("\n".join(chain.from_iterable(pairs)) + "\n")


def _write_jsonl(
    batch: Iterable[dict[str, Any]], tags: list[list[str]], confidence: list[list[float]]
) -> None:
    for sequence, row, sure in zip(batch, tags, confidence, strict=True):
        tagged = {**sequence, "tags": row, "confidence": [round(p, 6) for p in sure]}
        sys.stdout.write(json.dumps(tagged, ensure_ascii=False) + "\n")
