"""What the dashboard shows of a run: Markdown, tables and pictures, of what the steps wrote."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqtag.rundir import RunDir
from seqtag.sealing import find_manifest, read_json
from seqtag.steps.approval import Question
from seqtag.steps.outcome import concluded

if TYPE_CHECKING:
    from seqtag.reporting import Changes, Picture


def corpus_card(run: RunDir, *, pages: str | None = None) -> str:
    """Return what the corpus holds and what of it was refused, as Markdown.

    Args:
        pages: the address at which `flows.pages` serves this home; None: paths are shown.
    """
    from seqtag.reporting import corpus_markdown

    return corpus_markdown(read_json(run.profile), {"Data docs": page_of(run, run.data_docs, pages)})


def quarantine_table(run: RunDir) -> list[dict[str, Any]]:
    """Return the first quarantined sequences and what refused them."""
    from seqtag.reporting import quarantine_rows

    return quarantine_rows(run.quarantine)


def score_table(run: RunDir) -> list[dict[str, Any]]:
    """Return the scores on test, each with its interval and its support."""
    from seqtag.reporting import score_rows

    return score_rows(read_json(run.metrics))


def pictures(run: RunDir) -> dict[str, Picture]:
    """Return the learning curve and the confusion of tags on test; no curve where there were no epochs."""
    from seqtag.reporting import confusion_picture, learning_curves

    metrics = read_json(run.metrics)
    curves = learning_curves(read_json(run.history), metrics["metric"])
    confusion = {"confusion": confusion_picture(metrics["challenger"]["confusion"])}
    return {**({"learning-curve": curves[0]} if curves else {}), **confusion}


def retrain_card(run: RunDir, *, tagger: str, pages: str | None = None) -> str:
    """Return what became of a retraining and why, as Markdown.

    Args:
        tagger: path of its TOML file.
        pages: the address at which `flows.pages` serves this home; None: paths are shown.
    """
    from seqtag.reporting import retrain_markdown

    return retrain_markdown(
        metrics=read_json(run.metrics),
        decision=concluded(run),
        profile=read_json(run.profile),
        changes=changes(run),
        links={
            "Report": page_of(run, run.report, pages),
            "Data docs": page_of(run, run.data_docs, pages),
            "Run directory": str(run.path),
        },
        commands={
            "Look at it": f"seqtag show {run.id}",
            "Do it again from the same corpus and settings, training included": (
                f"seqtag retrain {tagger} --force train"
            ),
            "Have a stricter or laxer gate: change [gate] in the file; nothing is trained anew": (
                f"seqtag retrain {tagger}"
            ),
            "Take the model back that serves": f"seqtag rollback {run.tagger} --reason TEXT",
        },
    )


def question_card(run: RunDir) -> str:
    """Return what a person is asked before the model serves, as Markdown."""
    from seqtag.reporting import question_markdown

    return question_markdown(read_json(run.metrics), read_json(run.decision), tagger=run.tagger)


def verdict_notice(run: RunDir, *, pages: str | None) -> tuple[str, str]:
    """Return subject and body of what people are told of a retraining, as plain text."""
    from seqtag.reporting import verdict_lines

    decision = concluded(run)
    links = {"Report": page_of(run, run.report, pages), "Data docs": page_of(run, run.data_docs, pages)}
    return f"{run.tagger}: {decision['verdict']}", verdict_lines(decision, links=links)


def question_notice(run: RunDir, question: Question) -> tuple[str, str]:
    """Return subject and body of what people are told when a model waits for them."""
    sentence = read_json(run.decision)["sentence"]
    body = f"{sentence}\nAnswer until {question.until}, else it is held: Resume on the page of the flow run."
    return f"{run.tagger}: may this model serve?", body


def page_of(run: RunDir, path: Path, pages: str | None) -> str:
    """Return where a browser finds a file of a run, or its path where nothing serves it."""
    return str(path) if pages is None else f"{pages}/runs/{run.tagger}/{run.id}/{path.relative_to(run.path)}"


def changes(run: RunDir) -> Changes | None:
    """Hold what a run was made from against the run of the champion that it was judged by.

    Returns None where there was no champion, or its run directory is gone.
    """
    from seqtag.reporting import Changes, changed_settings

    opponent = read_json(run.opponent)["run_id"]
    if opponent is None or not (before := RunDir(run.path.with_name(opponent))).config.exists():
        return None
    folders = (run.validation, run.splits, run.vocabulary, run.encoded, run.model)
    steps = {}
    for folder in folders:
        ours, theirs = find_manifest(folder), find_manifest(before.path / folder.name)
        if ours is not None and theirs is not None:
            steps[ours.step] = _differing(theirs.inputs, ours.inputs)
    return Changes(before.id, steps, changed_settings(read_json(before.config), read_json(run.config)))


def _differing(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
