"""`seqtag check`: the verdict of a run from the sources alone, with nothing written."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from seqtag import steps
from seqtag.cli import app
from seqtag.config import Settings, load_tagger
from seqtag.errors import CorpusRejectedError
from seqtag.run_dir import RunDir

SOUND = [f"Ada{i}\tB-PER\nof\tO\nKent{i}\tB-LOC" for i in range(60)]
BROKEN = [f"Ada{i}" for i in range(60)]


@pytest.fixture
def tagger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a tagger whose source is `a.conll` in the working directory, without a home."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEQTAG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SEQTAG_AS_OF", "2026-01-31")
    path = tmp_path / "toy.toml"
    path.write_text('name = "toy"\n[[corpus.sources]]\nformat = "conll"\npath = "a.conll"\n')
    return path


def write(sequences: list[str]) -> None:
    Path("a.conll").write_text("\n\n".join(sequences) + "\n")


def checked(tagger: Path) -> Result:
    return CliRunner().invoke(app, ["check", str(tagger)])


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        ((3, 2, 1), "rows of sequences are in the reverse order of column 'at'"),
        ((2, 3, 1), "rows are not in the order of column 'at' in 60 sequences"),
        ((1, 2, 3), None),
    ],
)
def test_rows_that_disagree_with_a_column_of_times_lead_to_a_warning(
    minutes: tuple[int, ...], said: str | None, tagger: Path
) -> None:
    rows = [f"{case},w{case},X,01.11.2026 09:0{minute}\n" for case in range(60) for minute in minutes]
    Path("log.csv").write_text("case,event,phase,at\n" + "".join(rows))
    columns = 'sequence_column = "case"\ntoken_column = "event"\ntag_column = "phase"\n'
    head = 'name = "toy"\n[[corpus.sources]]\nformat = "table"\npath = "log.csv"\n'
    tagger.write_text(head + columns)

    warnings = [line for line in checked(tagger).stdout.splitlines() if line.startswith("warning")]

    keys = 'order_column = "at" and order_format = "%d.%m.%Y %H:%M"'
    advice = f", and were read in the order of the source; set {keys} if that is the order of the tokens"
    assert warnings == ([] if said is None else [f"warning  log.csv: {said}{advice}"])
    tagger.write_text(head + columns + keys.replace(" and ", "\n"))
    assert "set order_column" not in checked(tagger).stdout


EXPECTATION = """
[quality.expectations.no_digits]
table = "tokens"
type = "expect_column_values_to_not_match_regex"
kwargs = {column = "token", regex = "[0-9]"}
severity = "SEVERITY"
"""


def test_expectations_of_the_file_are_part_of_the_verdict(tagger: Path) -> None:
    write(SOUND)
    text = tagger.read_text()
    tagger.write_text(text + EXPECTATION.replace("SEVERITY", "warn"))
    warned = checked(tagger)
    tagger.write_text(text + EXPECTATION.replace("SEVERITY", "fail"))
    refused = checked(tagger)

    assert warned.exit_code == 0
    assert "expectations.no_digits" in warned.stdout.splitlines()[-1]
    assert refused.exit_code == 1
    assert str(refused.exception).startswith("refused by expectations.no_digits (expect_column_values_to_")
    assert str(refused.exception).endswith(
        "120 of 180 tokens fail (66.67%); first sequence a.conll#1 (row 0), token 1: token = Ada0."
    )


def test_an_acceptable_corpus_is_described_and_nothing_is_written(tagger: Path) -> None:
    write(SOUND)

    done = checked(tagger)

    lines = done.stdout.splitlines()
    assert done.exit_code == 0
    assert lines[0] == (
        "source   a.conll: columns 2, comments none, compression none, encoding utf-8, header none, "
        "separator tab; 60 sequences"
    )
    assert lines[1].startswith("tags     3 tags, scheme IOB2: fewest illegal transitions (of 240: 0 in IOB2")
    assert lines[2].startswith("splits   train ")
    assert lines[3] == "lengths  mean 3.0, longest 3 tokens; 0 sequences repeat an earlier one"
    assert lines[4] == "words    0.0% of the tokens are words with several tags"
    assert lines[5].startswith("verdict  accepted: ")
    assert sorted(path.name for path in tagger.parent.iterdir()) == ["a.conll", "toy.toml"]


def test_a_refusal_is_that_of_a_run(tagger: Path) -> None:
    write([*SOUND[:20], *(f"in\tO\nKent{i}" for i in range(40))])
    config, workspace = load_tagger(tagger), steps.Workspace.of(Settings())
    run = steps.open_run(config, steps.ingest(config, workspace), workspace, as_of=date(2026, 1, 31))
    with pytest.raises(CorpusRejectedError) as of_run:
        steps.validate(run)

    done = checked(tagger)

    assert isinstance(done.exception, CorpusRejectedError)
    assert str(of_run.value) == f"{done.exception} See {RunDir(run.path).data_docs}"
    assert "first a.conll:" in str(done.exception)


def test_a_source_that_cannot_be_read_is_an_error(tagger: Path) -> None:
    write(BROKEN)
    assert "a.conll:1: too few columns" in str(checked(tagger).exception)


def test_of_a_large_source_only_the_beginning_is_read(tagger: Path) -> None:
    write(SOUND)
    Path("b.conll").write_text("\n\n".join(BROKEN) + "\n")
    tagger.write_text(tagger.read_text().replace('"a.conll"', '["a.conll", "b.conll"]'))

    found = steps.check(load_tagger(tagger), enough=60)

    assert found.fault is None
    assert "60 sequences were read" in steps.check_text(found)
    assert "note     the verdict is on what was read; a run reads everything" in steps.check_text(found)
