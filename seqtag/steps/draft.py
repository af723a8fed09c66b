"""Draft of a tagger's file for files, a folder or a table whose format is not known."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import fsspec

from seqtag.config import SCHEMA_FILE, SPLITS, CutConfig, Split, TaggerConfig, parse_tagger
from seqtag.config.secrets import has_password
from seqtag.corpus.files import InputFile, expand, list_files
from seqtag.corpus.folders import data_pattern
from seqtag.corpus.formats.dataset_folders import saved_streams
from seqtag.corpus.partitions import partitions
from seqtag.corpus.recognition import Chosen, Recognised, recognise, recognise_parallel, recognise_table
from seqtag.corpus.split_names import is_split_name, split_in_name
from seqtag.errors import ConfigError
from seqtag.formatting import plural
from seqtag.gate import fewest_test_documents
from seqtag.reporting.toml import toml_text
from seqtag.steps.check import CorpusCheck, check

URL_VARIABLE = "CORPUS_URL"
_PIECE_TOKENS = 200
_ENOUGH_DOCUMENTS = 200  # pieces are divided into, if there are fewer documents to test on
_SMALL_SHARE = 0.2  # of dev and test in a small corpus
_FLOOR = 0.1


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
    found: CorpusCheck
    seen: tuple[str, ...]  # format, columns and their roles, a line each
    notes: tuple[str, ...]  # a sentence for each choice and shortage


def draft(
    places: Sequence[str], file: Path, *, name: str, chosen: Chosen, form: str | None, table: str | None
) -> Draft:
    """Recognise sources, and draft the file of a tagger that reads them.

    Args:
        places: paths, globs, folders or URLs of files; or with `table`, the URL of a database.
        file: the file to draft; local paths that are near are written relative to its folder.
        name: name of the tagger.
        form: the format, if it is known.
        table: a table of the database.

    Raises:
        ConfigError: a place has no data, or an option does not fit it.
        CorpusFormatError: a file is in no format that is read.
    """
    if table is not None:
        sources = [_of_table(places, table, chosen)]
    else:
        files = [each for place in places for each in _files(place, file.absolute().parent)]
        sources = _parallel(files, form) or _grouped(files, chosen, form)
    text, found = _checked(name, sources, file, share=None)
    cut = _cut_rule(name, sources, file) if _is_unsegmented(found) else None
    if cut is not None:
        text, found = _checked(name, sources, file, share=None, cut=cut)
    if not _has_enough_to_test(found) and not any(source.split == "test" for source in sources):
        text, found = _checked(name, sources, file, share=_SMALL_SHARE, cut=cut)
    seen = tuple(dict.fromkeys(source.recognised.summary for source in sources))
    notes = [reason for source in sources for reason in source.recognised.reasons]
    notes += [] if cut is None else [_cut_note(cut)]
    shortage = _shortage(found, parse_tagger(text, file))
    return Draft(text, found, seen, tuple(dict.fromkeys([*notes, *filter(None, [shortage])])))


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
    """Yield each path as in the tagger's file, with a file there: one for all files that no split names."""
    path = _path_in_file(place, folder)
    streams = saved_streams(place)
    if streams:
        yield path, streams[0]
        return
    try:
        files = list_files(place).files
    except ConfigError as error:
        pattern = _pattern_below(place, error)
        path, files = f"{path.rstrip('/')}/{pattern}", list_files(f"{place.rstrip('/')}/{pattern}").files
    if len(files) == 1 or not any(split_in_name(file.location) for file in files):
        yield path, files[0]
        return
    protocol = f"{place.partition('://')[0]}://" if "://" in place else ""
    for file in files:
        yield _path_in_file(file.path if "://" in file.path else f"{protocol}{file.path}", folder), file


def _pattern_below(place: str, error: ConfigError) -> str:
    """Return a glob for the data files of a folder that is not one data set, else raise its error."""
    try:
        filesystem, root = fsspec.url_to_fs(expand(place))
    except (ValueError, ImportError):
        raise ConfigError(f"{error}; for a database, name its table with --table") from None
    if not filesystem.isdir(root):
        raise error
    return data_pattern(filesystem, root, shown=place)


def _path_in_file(place: str, folder: Path) -> str:
    """Return a path as written in a tagger's file: relative to it, unless the path is elsewhere."""
    if "://" in place or "$" in place or place.startswith("~"):
        return place
    absolute = os.path.abspath(place)  # noqa: PTH100 - resolve() would follow links
    relative = os.path.relpath(absolute, folder)
    return absolute if relative.count("../") > 2 else relative


def _parallel(files: Sequence[tuple[str, InputFile]], form: str | None) -> list[SourceDraft]:
    """Return the source of two files, one with tokens and one with tags; none if they are not that."""
    if len(files) != 2 or form not in (None, "parallel"):
        return []
    (_, one), (_, other) = files
    found = recognise_parallel(one, other)
    if found is None:
        return []
    paths = {file.path: path for path, file in files}
    tokens, tags = (paths[file.path] for file in found)
    summary = f"parallel: tokens in {tokens}, tags in {tags}"
    return [SourceDraft((tokens,), None, Recognised({"format": "parallel", "tags_path": tags}, summary))]


def _grouped(files: Sequence[tuple[str, InputFile]], chosen: Chosen, form: str | None) -> list[SourceDraft]:
    """Return the files by split and by how they are read."""
    splits = [split_in_name(path) for path, _ in files]
    are_named = len(set(splits) - {None}) > 1 and None not in splits
    groups: dict[str, SourceDraft] = {}
    for (path, file), split in zip(files, splits, strict=True):
        found = recognise(file, chosen, form=form)
        folders = partitions(file.location)
        partition = next((key for key, value in folders.items() if value and is_split_name(value)), None)
        if partition is not None:
            found = replace(found, keys={"split_column": partition, **found.keys})
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
    elif url.startswith("sqlite:///") and not url.startswith(
        ("sqlite:////", "sqlite:///:", "sqlite:///file:")
    ):
        url = f"sqlite:///{Path(url.removeprefix('sqlite:///')).absolute()}"
    found = recognise_table(url, table, chosen)
    if has_password(places[0]):
        why = f"url holds a password, so the file has {url}: export {URL_VARIABLE} before a run"
        found = replace(found, reasons=(*found.reasons, why))
    return SourceDraft((), None, found)


def _checked(
    name: str,
    sources: Sequence[SourceDraft],
    file: Path,
    *,
    share: float | None,
    cut: CutConfig | None = None,
) -> tuple[str, CorpusCheck]:
    text = "\n".join(_lines(name, sources, share, cut)).strip("\n") + "\n"
    return text, check(parse_tagger(text, file))


def _is_unsegmented(found: CorpusCheck) -> bool:
    """Return whether a run would refuse a corpus with sequences that are too long."""
    return found.fault is not None and any(
        rule.rule == "over_long" and rule.count for rule in found.profile.rules
    )


def _cut_rule(name: str, sources: Sequence[SourceDraft], file: Path) -> CutConfig:
    """Return a rule that cuts sequences which are too long, with enough documents to test models on."""
    rule = CutConfig(max_length=_PIECE_TOKENS)
    _, found = _checked(name, sources, file, share=None, cut=rule)
    n_pieces = sum(report.n_sequences for report in found.reports)
    if _has_enough_to_test(found) or rule.document_pieces == "all":
        return rule
    n = max(1, min(rule.document_pieces, n_pieces // _ENOUGH_DOCUMENTS))
    return rule.model_copy(update={"document_pieces": n})


def _cut_note(rule: CutConfig) -> str:
    return (
        f"sequences are too long, and [corpus.cut] cuts them into pieces of {rule.max_length} tokens; "
        f"a document, which stays in one split, is {plural(int(rule.document_pieces), 'piece')} in a row; "
        'after = ["."] would cut at the ends of sentences'
    )


def _lines(
    name: str, sources: Sequence[SourceDraft], share: float | None, cut: CutConfig | None
) -> Iterator[str]:
    yield f"#:schema ./{SCHEMA_FILE}"  # editors with taplo check and complete the keys
    yield "# Written by `seqtag init`. `seqtag schema` prints every key with its default and description."
    yield toml_text({"name": name})
    for source in sources:
        yield "[[corpus.sources]]"
        yield from (f"# {reason}" for reason in source.recognised.reasons)
        paths = (
            {} if not source.paths else {"path": source.paths[0] if len(source.paths) == 1 else source.paths}
        )
        split = {} if source.split is None else {"split": source.split}
        keys = dict(source.recognised.keys)
        table = toml_text({"format": keys.pop("format"), **paths, **split, **keys})
        yield f"{table.rstrip()}\n{_further_columns(source.recognised.further)}"
    if cut is not None:
        yield "[corpus.cut]  # of sequences that are too long"
        yield f"max_length = {cut.max_length}  # tokens"
        yield f"document_pieces = {cut.document_pieces}  # consecutive pieces that stay in one split\n"
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


def _further_columns(columns: Sequence[str]) -> str:
    """Return a comment that names columns which the model could read; "" without any."""
    if not columns:
        return ""
    named = {_identifier(column): column for column in columns}
    shown = ", ".join(f"{name} = {json.dumps(column, ensure_ascii=False)}" for name, column in named.items())
    return f"# token_columns = {{ {shown} }}  # for the model to read, see [[features.columns]]\n"


def _identifier(text: str) -> str:
    name = re.sub(r"[^a-zA-Z0-9_]", "_", text)
    return name if name[:1].isalpha() else f"x{name}"


def _has_enough_to_test(found: CorpusCheck) -> bool:
    few = (rule for rule in found.profile.rules if rule.rule == "few_test_documents" and not rule.passed)
    return found.fault is None and next(few, None) is None


def _shortage(found: CorpusCheck, config: TaggerConfig) -> str | None:
    """Say what a small corpus lacks; None if it lacks nothing."""
    if _has_enough_to_test(found):
        return None
    least = fewest_test_documents(config.gate)
    n_sequences = sum(report.n_sequences for report in found.reports)
    enough = math.ceil(least / config.split.test)
    size = plural(n_sequences, "sequence")
    if n_sequences < config.quality.min_sequences:
        return (
            f"{size}: too few for a run, which takes {config.quality.min_sequences}; label more, about "
            f"{enough} to compare models, and some hundreds for a useful tagger"
        )
    n_test = found.profile.splits["test"].n_sequences
    if n_test >= least:
        return (
            f"test has fewer than {least} documents, so only the first model can be promoted; add documents, "
            "or declare smaller ones: a document is never divided between splits"
        )
    return (
        f"{size}: few; only the first model can be promoted, since test has {n_test} and it takes {least} to "
        f"show that a later one is better; label about {max(enough - n_sequences, least - n_test)} more"
    )
