"""Draft of a tagger's file for files, a folder or a table whose format is not known."""

from __future__ import annotations

import math
import os
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import fsspec

from seqtag.config import SPLITS, Split, TaggerConfig
from seqtag.config.secrets import has_password
from seqtag.corpus.files import InputFile, expand, list_files
from seqtag.corpus.folders import data_files
from seqtag.corpus.recognition import Chosen, Recognised, recognise, recognise_table
from seqtag.corpus.split_names import split_in_name
from seqtag.errors import ConfigError
from seqtag.formatting import plural
from seqtag.gate import fewest_test_documents
from seqtag.reporting.toml import toml_text
from seqtag.steps.check import CorpusCheck, check

URL_VARIABLE = "CORPUS_URL"
_SMALL_SHARE = 0.2  # of dev and test in a small corpus
_FLOOR = 0.1
_MOST_FILES = 200  # named in a file one by one


@dataclass(frozen=True)
class SourceDraft:
    """Files that are read alike, and their split."""

    paths: tuple[str, ...]  # as in the tagger's file
    split: Split | None
    recognised: Recognised


@dataclass(frozen=True)
class Draft:
    """A tagger's file that is not written yet, and what a run would make of it."""

    text: str
    config: TaggerConfig
    found: CorpusCheck
    notes: tuple[str, ...]  # a sentence for each choice and shortage


def draft(
    places: Sequence[str], *, name: str, folder: Path, chosen: Chosen, form: str | None, table: str | None
) -> Draft:
    """Recognise sources, and draft the file of a tagger that reads them.

    Args:
        places: paths, globs, folders or URLs of files; or with `table`, the URL of a database.
        name: name of the tagger.
        folder: folder of its file; local paths below its project are written relative to it.
        form: the format, if it is known.
        table: a table of the database.

    Raises:
        ConfigError: a place has no data, an option does not fit, or the files are in several splits and not.
        CorpusFormatError: a file is in no format that is read.
    """
    if table is not None:
        sources = [_of_table(places, table, chosen)]
    else:
        sources = _grouped([each for place in places for each in _files(place, folder)], chosen, form)
    text, config = _written(name, sources, folder, share=None)
    found = check(config)
    n_sequences = sum(report.n_sequences for report in found.reports)
    least = fewest_test_documents(config.gate)
    has_test = any(source.split == "test" for source in sources)
    if not has_test and n_sequences * config.split.test < 2 * least:
        text, config = _written(name, sources, folder, share=_SMALL_SHARE)
        found = check(config)
    notes = [reason for source in sources for reason in source.recognised.reasons]
    notes += _shortages(n_sequences, found, config, least=least)
    return Draft(text, config, found, tuple(dict.fromkeys(notes)))


def tagger_name_of(places: Sequence[str], *, folder: Path) -> str:
    """Return a name for a tagger of some files: that of the file, or of the folder of several splits.

    >>> tagger_name_of(["data/Wiki NER.conll.gz"], folder=Path("/srv/x"))
    'wiki-ner'
    >>> tagger_name_of(["ner/train.conll", "ner/dev.conll"], folder=Path("/srv/x"))
    'ner'
    """
    paths = [PurePosixPath(re.sub(r"^[\w+]+://", "", place).rstrip("/*")) for place in places]
    stem = paths[0].name.partition(".")[0] if len(paths) == 1 and "*" not in paths[0].name else ""
    if not stem or split_in_name(stem) is not None:
        stem = paths[0].parent.name or folder.resolve().name
    name = re.sub(r"[^a-z0-9]+", "-", stem.casefold()).strip("-")[:63]
    return name or "tagger"


def _files(place: str, folder: Path) -> Iterator[tuple[str, InputFile]]:
    """Yield the path as in the tagger's file, and a file there; once for a folder that is one data set."""
    path = _path_in_file(place, folder)
    filesystem, root = fsspec.url_to_fs(expand(place))
    if not filesystem.isdir(root):
        files = list_files(place).files
        if len(files) == 1 or not any(split_in_name(file.path) for file in files):
            yield path, files[0]
            return
        protocol = f"{place.partition('://')[0]}://" if "://" in place else ""
        for file in files:
            yield _path_in_file(f"{protocol}{file.path}", folder), file
        return
    try:
        files = list_files(place).files
    except ConfigError:  # not one data set: each file counts
        for below in data_files(filesystem, root, shown=place)[:_MOST_FILES]:
            (file,) = list_files(f"{place.rstrip('/')}/{below}").files
            yield f"{path.rstrip('/')}/{below}", file
        return
    yield path, files[0]


def _path_in_file(place: str, folder: Path) -> str:
    """Return a path as written in a tagger's file: relative to it, unless the path is elsewhere."""
    if "://" in place or "$" in place or place.startswith("~"):
        return place
    absolute = os.path.abspath(place)  # noqa: PTH100 - resolve() would follow links
    relative = os.path.relpath(absolute, folder)
    return absolute if relative.count("../") > 2 else relative


def _grouped(files: Sequence[tuple[str, InputFile]], chosen: Chosen, form: str | None) -> list[SourceDraft]:
    """Return the files by split and by how they are read."""
    splits = [split_in_name(path) for path, _ in files]
    are_named = len(set(splits) - {None}) > 1 and None not in splits
    groups: dict[str, SourceDraft] = {}
    for (path, file), split in zip(files, splits, strict=True):
        found = recognise(file, chosen, form=form)
        split = split if are_named and "split_column" not in found.keys else None
        key = f"{SPLITS.index(split) if split else 0} {sorted(found.keys.items())}"
        before = groups.get(key, SourceDraft((), split, found))
        groups[key] = SourceDraft((*before.paths, path), split, before.recognised)
    return [groups[key] for key in sorted(groups)]


def _of_table(places: Sequence[str], table: str, chosen: Chosen) -> SourceDraft:
    if len(places) != 1 or "://" not in places[0]:
        raise ConfigError(
            f"--table needs the URL of one database: expected one such as sqlite:///corpus.db, got "
            f"{plural(len(places), 'place')}; remove --table for files"
        )
    (url,) = places
    if has_password(url):
        os.environ[URL_VARIABLE] = url  # a password in the tagger's file would be refused
        url = f"${{{URL_VARIABLE}}}"
    found = recognise_table(url, table, chosen)
    if url != places[0]:
        why = f"url holds a password, so the file has ${{{URL_VARIABLE}}}: export it before a run"
        found = Recognised(found.keys, (*found.reasons, why), found.is_partial, found.columns)
    return SourceDraft((), None, found)


def _written(
    name: str, sources: Sequence[SourceDraft], folder: Path, *, share: float | None
) -> tuple[str, TaggerConfig]:
    text = "\n".join(_lines(name, sources, share)).strip("\n") + "\n"
    config = TaggerConfig.model_validate(tomllib.loads(text), context={"folder": folder.absolute()})
    return text, config


def _lines(name: str, sources: Sequence[SourceDraft], share: float | None) -> Iterator[str]:
    yield "# Written by `seqtag init`. docs/formats.md has the keys of each format, seqtag/config all others."
    yield toml_text({"name": name})
    for source in sources:
        yield "[[corpus.sources]]"
        yield from (f"# {reason}" for reason in source.recognised.reasons)
        paths = (
            {} if not source.paths else {"path": source.paths[0] if len(source.paths) == 1 else source.paths}
        )
        split = {} if source.split is None else {"split": source.split}
        keys = dict(source.recognised.keys)
        yield toml_text({"format": keys.pop("format"), **paths, **split, **keys})
    if any(source.recognised.is_partial for source in sources):
        yield "[tags]\n" + toml_text({"partial": True}).strip() + "  # tokens without a tag are not scored\n"
    named = {source.split for source in sources}
    if not {"dev", "test"} <= named and not any("split_column" in s.recognised.keys for s in sources):
        shares = TaggerConfig.model_fields["split"].default
        yield "[split]  # shares of the documents, of the splits that no source names"
        yield toml_text({"dev": share or shares.dev, "test": share or shares.test})
    yield "[gate]"
    yield f"floor = {_FLOOR}  # the score that the first model must reach; raise it to what is useful\n"
    yield "# [evaluate]"
    yield '# baseline = "crfsuite-ap"  # a CRF for comparison in every report\n'
    yield "# [schedule]"
    yield '# cron = "0 2 * * *"  # daily at 2:00 UTC, the default of `make up`'


def _shortages(n_sequences: int, found: CorpusCheck, config: TaggerConfig, *, least: int) -> Iterator[str]:
    """Say what a small corpus lacks."""
    n_test = found.profile.splits["test"].n_sequences
    if n_test >= least:
        return
    enough = math.ceil(least / config.split.test)
    size = plural(n_sequences, "sequence")
    if n_sequences < config.quality.min_sequences:
        yield (
            f"{size}: too few for a run, which takes {config.quality.min_sequences}; label more, about {enough} "
            "to compare models, and some hundreds for a useful tagger"
        )
    else:
        yield (
            f"{size}: few; only the first model can be promoted, since test has {n_test} and it takes {least} to "
            f"show that a later model is better; label about {max(enough - n_sequences, least - n_test)} more"
        )
