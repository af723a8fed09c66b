"""The command line, on one retraining that all tests share.

Exit codes and messages come from real processes; commands that load TensorFlow run in this process.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from seqtag import load, pipeline
from seqtag.artifacts import file_lock
from seqtag.cli import app
from tests.taggers import Taggers

STEPS = [
    "ingest",
    "open-run",
    *(step.name.replace("_", "-") for step in pipeline.STEPS if step.name != "baseline"),
]


@dataclass(frozen=True)
class Terminal:
    """Runs `seqtag` in a separate process."""

    folder: Path

    def here(self, *arguments: str, stdin: str = "") -> str:
        """Run a command in this process, require success, and return its output."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SEQTAG_HOME", str(self.folder / "home"))
            patch.delenv("SEQTAG_AS_OF", raising=False)  # and again afterwards: commands set it
            done = CliRunner().invoke(app, arguments, input=stdin, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    def __call__(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "SEQTAG_HOME": str(self.folder / "home")}
        return subprocess.run(
            [Path(sys.executable).with_name("seqtag"), *arguments],
            input=stdin, env=environment, cwd=self.folder, capture_output=True, check=False,
            encoding="utf-8", errors="surrogateescape",
        )  # fmt: skip


@pytest.fixture(scope="module")
def seqtag(tmp_path_factory) -> Terminal:
    """A terminal whose home has a small tagger, retrained step by step."""
    terminal = Terminal(tmp_path_factory.mktemp("cli"))
    tagger = Taggers(terminal.folder).write()
    run = terminal.here("open-run", tagger).strip()
    for step in STEPS[2:]:
        terminal.here(step, run)
    return terminal


def test_the_steps_one_by_one_give_a_champion(seqtag: Terminal) -> None:
    shown = seqtag.here("show", "small")
    promoted = r"Version 1 was promoted on [-\d]{10} \d\d:\d\d UTC\. Decision of the run: PROMOTE: accuracy "
    assert re.search(promoted, shown)
    assert "not done" not in shown
    assert "small version 1" in shown
    assert seqtag.here("show") == shown  # there is one tagger


def test_retrain_after_the_steps_finds_everything_up_to_date(seqtag: Terminal) -> None:
    done = seqtag("retrain", "small.toml")
    assert done.returncode == 0
    assert done.stderr.count("unchanged") == 13  # ingest and twelve folders
    assert "epoch" not in done.stderr


def test_a_retraining_says_whom_it_waits_for_and_how_to_continue_after_an_interruption(
    seqtag: Terminal,
) -> None:
    (validate,) = seqtag.folder.glob("home/runs/small/*/validate")
    lock = validate.with_name(".validate.lock")
    with file_lock(lock):
        waiting = subprocess.Popen(
            [Path(sys.executable).with_name("seqtag"), "retrain", "small.toml"],
            env={**os.environ, "SEQTAG_HOME": str(seqtag.folder / "home")}, cwd=seqtag.folder,
            stderr=subprocess.PIPE, text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip
        holder = f"waiting for {lock}, held by process {os.getpid()} on {socket.gethostname()} since 20"
        assert any(line.startswith(holder) for line in waiting.stderr)
        waiting.send_signal(signal.SIGINT)
        said = waiting.communicate()[1]
    assert waiting.returncode == 130
    assert said == (
        "Interrupted: finished steps are kept, and training resumes from its last checkpoint; continue with: "
        "seqtag retrain small.toml\n"
    )


def test_history_shows_the_authors_of_promotions(seqtag: Terminal) -> None:
    first, second = seqtag.here("history", "small").splitlines()
    assert re.fullmatch(
        r"1  \d{4}-\d\d-\d\d \d\d:\d\d UTC  PROMOTE  none -> 1  \S+@\S+, seqtag promote", first
    )
    assert second.startswith("   accuracy ")
    (entry,) = json.loads(seqtag.here("history", "small", "--json"))
    assert (entry["event"], entry["from_version"], entry["to_version"]) == ("PROMOTE", None, "1")
    assert seqtag.here("history") == f"{first}\n{second}\n"  # there is one tagger
    assert seqtag.here("history", "nobody") == "The ledger has no entries for nobody.\n"


@pytest.mark.parametrize(
    "command",
    [["status"], ["history", "small"], ["show", "small"], ["explain", "small.toml"], ["tag", "small"]],
)
def test_daily_commands_load_neither_mlflow_nor_keras(seqtag: Terminal, command: list[str]) -> None:
    code = (
        f"import sys; sys.argv = ['seqtag', *{command}]; from seqtag.cli import app;"
        "app(standalone_mode=False);"
        "print(sorted({'mlflow', 'keras', 'matplotlib'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input="search\n", cwd=seqtag.folder, capture_output=True, text=True,
        env={**os.environ, "SEQTAG_HOME": str(seqtag.folder / "home")}, check=True,
    )  # fmt: skip
    assert done.stderr.splitlines()[-1] == "[]"


def test_a_baseline_is_made_only_if_configured(seqtag: Terminal) -> None:
    assert seqtag.here("baseline", "small") == 'no baseline: evaluate.baseline = "none"\n'


def test_text_is_tagged_token_by_token(seqtag: Terminal) -> None:
    rows = seqtag.here("tag", "--tagger", "small", stdin="search view_item\n\ncheckout\n").split("\n")
    assert [row.split("\t")[0] for row in rows] == ["search", "view_item", "", "", "checkout", "", ""]
    assert all(row.count("\t") == (1 if row else 0) for row in rows)


def test_json_lines_keep_their_fields_and_get_predicted_tags_and_confidence(seqtag: Terminal) -> None:
    line = '{"id": 7, "tokens": ["search", "növer"]}\n'
    tagged = json.loads(seqtag.here("tag", "--run", "small", "--format", "jsonl", stdin=line))
    assert (tagged["id"], tagged["tokens"], len(tagged["predicted"])) == (7, ["search", "növer"], 2)
    assert all(0 < sure <= 1 for sure in tagged["confidence"])


def test_champion_challenger_and_run_give_the_same_tags(seqtag: Terminal) -> None:
    text = "search view_item add_to_cart checkout\n"
    of_champion, of_challenger, of_run = (
        seqtag.here("tag", *which, "small", stdin=text)
        for which in ([], ["--alias", "challenger"], ["--run"])
    )
    assert of_champion == of_challenger == of_run


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "said"),
    [
        (["validate", "nobody"], "", 2, "no run 'nobody': expected a run directory, a run id or a tagger"),
        (["tag", "--tagger", "nobody"], "", 2, "no champion of 'nobody' in the registry"),
        (["tag"], "", 2, "no tagger is given: expected one as the first argument"),
        (["tag", "--run", "a", "--tagger", "b"], "", 2, "--run and --tagger exclude each other"),
        (["tag", "smal"], "", 2, "no champion of 'smal' in the registry: expected champion, challenger"),
        (["tag", "smal"], "", 2, "found none; did you mean 'small'?"),
        (["tag", "small@7"], "", 2, "no version '7' of 'small' in the registry: expected champion,"),
        (["serve", "small@7"], "", 2, "as in small@7, found version 1; next: seqtag history small"),
        (["tag", "xyz"], "", 2, "as in xyz@7, found none; next: seqtag retrain xyz"),
        (["show", "xyz"], "", 2, "found small; next: seqtag status"),
        (["check", "xyz"], "", 2, "found small; next: seqtag init FILE..."),
        (["tag", "--run", "small", "--format", "jsonl"], '{"tokens": "ab"}\n', 1, "input:1: line has no"),
        (["tag", "--run", "small", "--format", "jsonl"], "[\n", 1, "t:1: line is not"),
        (["tag", "--run", "small"], "search\nview \udcff\n", 1, "for example: iconv -f cp1252 -t utf-8"),
        (["tag", "--run", "small", "--format", "jsonl"], '{"tokens": ["\\ud800"]}\n', 1, "t:1: line is not"),
        (["tag", "--run", "small", "--format", "jsonl"], "[" * 9999, 1, "t:1: line is not"),
        (["tag", "--tagger", "small", "--alias", "previous"], "", 2, "no previous of 'small' in"),
        (["tag", "--run", "small", "--alias", "previous"], "", 2, "--alias needs a tagger"),
        (["tag", "--run", "small"], "search\rview\n", 1, "standard input:1: carriage return within"),
        (["tag", "--run", "small", "missing.txt"], "", 1, "missing.txt: file cannot be read: No such"),
        (["rollback", "small", "--reason", "x"], "", 1, "there is no version to roll back to"),
        (["rollback", "small", "--reason", "x", "--to", "7"], "", 2, "found version 1; next: seqtag history"),
        (["rollback", "smal", "--reason", "x"], "", 2, "no champion of 'smal' in the registry: expected a"),
        (["rollback", "small"], "", 2, "Missing option '--reason'"),
        (["unblock", "small", "--reason", "x"], "", 1, "small: no model is blocked"),
        (["release-hold", "small", "--reason", "x"], "", 1, "small: no model is blocked"),
        (["serve", "nope"], "", 2, "no champion of 'nope' in the registry"),
        (["serve", "small", "--alias", "previous"], "", 2, "no previous of 'small' in the registry"),
        (["retrain", "absent.toml"], "", 2, "absent.toml"),
        (["fly"], "", 2, "No such command"),
        (["init", "a.csv", "--format", "connl"], "", 2, "you mean 'conll'?"),
        (["serve", "small", "--port", "x"], "", 2, "'--port': must be a whole number, got 'x'"),
    ],
)  # fmt: skip
def test_usage_errors_and_refused_data_print_a_sentence_and_set_the_exit_code(
    seqtag: Terminal, arguments, stdin, code, said
) -> None:
    done = seqtag(*arguments, stdin=stdin)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False)
    assert said in " ".join(done.stderr.split())


@pytest.mark.parametrize("arguments", [["registry"], ["serve", "small"]])
def test_a_port_in_use_is_refused(seqtag: Terminal, arguments: list[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = seqtag(*arguments, "--port", str(port))
    assert done.returncode == 2
    assert f"port {port} cannot be used: Address already in use" in done.stderr


def test_an_unchanged_retraining_says_since_when_its_version_is_promoted(seqtag: Terminal) -> None:
    again = seqtag.here("retrain", str(seqtag.folder / "small.toml"))
    assert re.match(r"Unchanged: version 1 was promoted on \d{4}-\d\d-\d\d \d\d:\d\d UTC\. Accuracy ", again)


@pytest.mark.parametrize(
    ("command", "keys"),
    [
        ("show", {"run", "tagger", "path", "steps", "status", "decision"}),
        ("explain", {"steps", "outlook"}),
        ("check", {"profile", "ambiguous_words", "fault"}),
    ],
)
def test_tables_can_be_printed_as_json(seqtag: Terminal, command: str, keys: set[str]) -> None:
    printed = json.loads(seqtag.here(command, str(seqtag.folder / "small.toml"), "--json"))
    assert set(printed) == keys
    if command != "check":
        names = [step["step"] for step in printed["steps"]]
        assert names[-3:] == ["smoke_test", "promote", "report"]


def test_the_library_gives_the_tags_of_the_command_line(seqtag: Terminal) -> None:
    words = ["search", "view_item", "checkout"]
    printed = seqtag.here("tag", "small", stdin=" ".join(words))
    home, run = seqtag.folder / "home", next((seqtag.folder / "home" / "runs" / "small").glob("2*"))
    for name in ("small", "small@1", run.name, str(run)):
        (found, empty) = load(name, home=home).tag([words, []])
        assert "".join(f"{t}\t{tag}\n" for t, tag in zip(words, found.tags, strict=True)) + "\n" == printed
        assert (found.tokens, found.spans, empty.tags) == (words, [], [])
    table = load("small", home=home).tag_arrow(pa.array([words]))
    assert table["predicted"].to_pylist() == [found.tags]
    assert table["confidence"].to_pylist() == [found.confidence]


@pytest.mark.parametrize("run", ["small@champion", "small@1", "small.toml", "small"])
def test_a_run_is_named_by_a_version_or_by_a_tagger_for_its_newest(seqtag: Terminal, run: str) -> None:
    shown = seqtag("show", run)
    assert (shown.returncode, shown.stdout.split()[3]) == (0, "small:")


@pytest.mark.parametrize(
    "which",
    [
        ["small@champion"],
        ["small@1"],
        ["small.toml"],
        ["small", "--alias", "challenger"],
        ["--tagger", "small"],
    ],
)
def test_every_spelling_of_a_version_gives_the_same_tags(seqtag: Terminal, which: list[str]) -> None:
    text = seqtag.folder / "text.txt"
    text.write_text("search view_item add_to_cart checkout\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(seqtag.folder)
        assert seqtag.here("tag", *which, "text.txt") == seqtag.here("tag", "--run", "small", "text.txt")


@pytest.mark.parametrize("command", ["history", "explain", "plan"])
def test_a_tagger_is_named_by_its_name_or_its_file(seqtag: Terminal, command: str) -> None:
    by_name, by_file = (seqtag(command, name) for name in ("small", "./small.toml"))
    assert (by_name.returncode, by_name.stdout) == (by_file.returncode, by_file.stdout)
    assert "no tagger" not in by_name.stderr


def test_exit_codes_distinguish_a_misspelt_key_from_a_refused_corpus(seqtag: Terminal) -> None:
    other = Taggers(seqtag.folder / "other")
    other.folder.mkdir()
    assert seqtag("retrain", other.write(more="[trian]\n")).returncode == 2
    refused = seqtag("retrain", other.write(more="[quality]\nmin_sequences = 1000\n"))
    assert refused.returncode == 1
    assert "1,000" in refused.stderr
    assert "data_docs/index.html" in refused.stderr


def test_doctor_finds_nothing_wrong_here(seqtag: Terminal) -> None:
    done = seqtag("doctor")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "No problems found.")
    assert "training, with native operations for" in done.stdout


def test_doctor_reports_what_to_fix(seqtag: Terminal, monkeypatch) -> None:
    monkeypatch.setenv("SEQTAG_REGISTRY_URL", "postgresql+psycopg://me:secret@127.0.0.1:1/none")
    done = seqtag("doctor")
    assert done.returncode == 1
    assert "FIX   registry" in done.stdout
    assert "secret" not in done.stdout + done.stderr


def test_doctor_looks_at_the_ledger_next_to_an_mlflow_server(seqtag: Terminal, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("SEQTAG_REGISTRY_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("SEQTAG_LEDGER_URL", "postgresql+psycopg://me:secret@127.0.0.1:1/none")
    done = seqtag("doctor")
    (fault,) = [line for line in done.stdout.splitlines() if "opening its ledger" in line]
    assert fault.startswith(
        "FIX   registry http://127.0.0.1:1: opening its ledger in postgresql+psycopg://me:***@"
    )
    assert fault.endswith(": check SEQTAG_LEDGER_URL, and that the database is running")
    assert "secret" not in done.stdout + done.stderr

    monkeypatch.setenv("SEQTAG_LEDGER_URL", f"sqlite:///{tmp_path}/ledger.db")
    assert "ok    ledger, which the first retraining creates" in seqtag("doctor").stdout
    assert not list(tmp_path.glob("ledger.db"))


@pytest.mark.parametrize(
    "command",
    [
        *(*STEPS, "retrain", "tag", "show", "doctor", "registry", "serve", "rollback", "unblock", "history"),
        *("anchor", "infra-validate", "release-hold"),  # older names
    ],
)
def test_every_command_has_a_help_text_with_an_example(command: str) -> None:
    shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    assert "Example" in shown.output
    assert "seqtag" in shown.output


BROKEN = """
import sys
import seqtag.cli.main
front = sys.modules["seqtag.cli.main"]

def broken():
    {first}
    raise BrokenPipeError(32, "the server went away")

front.app = broken
front.main()
"""


def test_a_broken_pipe_is_an_error_unless_it_is_standard_output() -> None:
    of_a_server = subprocess.run(
        [sys.executable, "-c", BROKEN.format(first="pass")], capture_output=True, text=True, check=False
    )
    assert (of_a_server.returncode, of_a_server.stderr) == (1, "Error: [Errno 32] the server went away\n")
    read_end, write_end = os.pipe()
    os.close(read_end)
    unread = subprocess.run(
        [sys.executable, "-c", BROKEN.format(first="sys.stdout.write('tags')")],
        stdout=write_end,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(write_end)
    assert (unread.returncode, unread.stderr) == (0, b"")
