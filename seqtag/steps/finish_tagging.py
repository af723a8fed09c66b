"""Finish a bulk tagging: publish the tagged parts together, with a summary and their drift."""

from __future__ import annotations

import logging
from collections import Counter
from datetime import date
from pathlib import Path

from seqtag.artifacts import file_lock, link_or_copy, remove_folder, require_manifest
from seqtag.config import TaggerConfig, config_inputs
from seqtag.errors import RunDirError
from seqtag.formatting import plural
from seqtag.neural import TaggedCounts
from seqtag.reporting import TaggingSummary, tagging_markdown
from seqtag.run_dir import RunDir, TaggedSnapshot
from seqtag.steps.context import Workspace
from seqtag.steps.monitor import drift_of_tagged
from seqtag.steps.open_tagging import is_finished, read_pinned
from seqtag.steps.step import write_output
from seqtag.steps.tag_parts import snapshot_of

logger = logging.getLogger(__name__)


def finish_tagging(config: TaggerConfig, tagged: TaggedSnapshot, workspace: Workspace) -> TaggedSnapshot:
    """Publish the tagged parts of a snapshot together, with a summary and the drift from the champion's data.

    Writes `tagged/<tagger>/<day>-<snapshot>-v<version>/`.

    Raises:
        RunDirError: a part is not tagged yet.
    """
    with file_lock(tagged.lock):
        if is_finished(tagged):
            return tagged
        names = [part.stem for part in snapshot_of(tagged, workspace).parts]
        write_output(
            finish_tagging,
            tagged.path,
            inputs={
                "opened": require_manifest(tagged.opened).digest,
                **{name: require_manifest(tagged.part(name)).digest for name in names},
                **config_inputs(config, "monitor", "seed"),
            },
            write=lambda folder: _write(folder, config, tagged, names, workspace),
        )
        remove_folder(tagged.partial)
    logger.info("finish_tagging: %s", tagging_sentence(tagged))
    return tagged


def tagging_sentence(tagged: TaggedSnapshot) -> str:
    """Say how much was tagged, by which version, and what was left out."""
    found = TaggingSummary.load(tagged.summary)
    left_out = f"; {plural(found.n_quarantined, 'sequence')} in quarantine" if found.n_quarantined else ""
    return (
        f"{plural(found.n_sequences, 'sequence')} ({plural(found.n_tokens, 'token')}) tagged by version "
        f"{found.version}{left_out}. Drift: {found.drift}"
    )


def tagging_card(tagged: TaggedSnapshot) -> str:
    """Return the summary and the drift as Markdown."""
    from seqtag.monitoring import DriftReport

    drift = DriftReport.load(tagged.drift) if tagged.drift.exists() else None
    return tagging_markdown(TaggingSummary.load(tagged.summary), drift, folder=tagged.path)


def _write(
    folder: Path, config: TaggerConfig, tagged: TaggedSnapshot, names: list[str], workspace: Workspace
) -> None:
    pinned = read_pinned(tagged)
    sequences = folder / tagged.sequences.name
    sequences.mkdir()
    for name in names:
        link_or_copy(tagged.tagged_part(name), sequences / f"{name}.parquet")
    link_or_copy(tagged.refused, folder / tagged.quarantine.name)
    drift = _drift(folder, config, tagged, workspace)
    counts = [TaggedCounts.load(tagged.counts(name)) for name in names]
    n_tokens = sum(each.n_tokens for each in counts)
    tags: Counter[str] = Counter()
    for each in counts:
        tags.update(each.tags)
    TaggingSummary(
        tagger=tagged.tagger,
        as_of=tagged.as_of,
        version=pinned.version,
        run_id=pinned.run_id,
        snapshot_id=pinned.snapshot,
        n_sequences=sum(each.n_sequences for each in counts),
        n_tokens=n_tokens,
        n_quarantined=pinned.n_quarantined,
        by_rule=pinned.by_rule,
        unknown=sum(each.n_unknown for each in counts) / max(n_tokens, 1),
        confidence=sum(each.confidence for each in counts) / max(n_tokens, 1),
        tags=dict(sorted(tags.items())),
        drift=drift,
    ).save(folder / tagged.summary.name)


def _drift(folder: Path, config: TaggerConfig, tagged: TaggedSnapshot, workspace: Workspace) -> str:
    """Write the drift of the tagged sequences, and return its verdict, or why there is none."""
    pinned = read_pinned(tagged)
    try:
        found = drift_of_tagged(
            config,
            RunDir(workspace.home.runs(tagged.tagger) / pinned.run_id),
            folder / tagged.sequences.name,
            version=pinned.version,
            snapshot_id=pinned.snapshot,
            as_of=date.fromisoformat(tagged.as_of),
        )
    except RunDirError as error:
        if error.is_unreadable:
            raise
        return f"not known, because the run that trained version {pinned.version} is gone or was changed."
    found.save(folder / tagged.drift.name)
    return f"{found.verdict}. {found.sentence}"
