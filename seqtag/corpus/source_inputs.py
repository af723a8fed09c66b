"""The files of the sources of a corpus, and their digests."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress
from operator import not_

from seqtag.config.corpus_config import CorpusConfig
from seqtag.config.secrets import hide_passwords
from seqtag.config.source_columns import FileSource
from seqtag.config.source_config import (
    BratSource,
    DatasetsSource,
    ParallelSource,
    Source,
    SqlSource,
)
from seqtag.corpus.files import InputFile, expand, find_files, list_files, with_distinct_names
from seqtag.corpus.formats.brat import annotation_file
from seqtag.corpus.formats.dataset_folders import info_file, stream_paths
from seqtag.corpus.remote import network_errors_classified
from seqtag.errors import ConfigError


@dataclass(frozen=True)
class SourceInput:
    """A source and its files."""

    source: Source
    files: tuple[InputFile, ...] = ()
    tag_files: tuple[InputFile, ...] = ()  # of parallel text, brat and datasets, one per file in `files`
    n_hidden: int = 0  # hidden files and markers, which are skipped
    repeated: tuple[InputFile, ...] = ()  # files that the path names more than once

    @property
    def name(self) -> str:
        """The name of the first file and the number of others; never a secret."""
        if not self.files:
            return self.source.format
        more = len(self.files) - 1
        return self.files[0].name + (f" and {more:,} more" if more else "")


def find_inputs(corpus: CorpusConfig) -> list[SourceInput]:
    """Find the files of all sources, in order, and check that nothing is missing.

    Raises:
        ConfigError: a source matches no file, uses an unset variable, or has an invalid query.
    """
    found = []
    for number, source in enumerate(corpus.sources):
        place = f"corpus.sources[{number}]"
        files: tuple[InputFile, ...] = ()
        tag_files: tuple[InputFile, ...] = ()
        n_hidden = 0
        repeated: tuple[InputFile, ...] = ()
        if isinstance(source, FileSource):
            paths = stream_paths(source.path) if isinstance(source, DatasetsSource) else source.path
            listing = list_files(paths, folder=source.folder)
            files, n_hidden = listing.files, listing.n_hidden
            if not isinstance(source, ParallelSource):  # tokens may be paired with the tags of two annotators
                files, repeated = _first_of_each(files)
        if isinstance(source, ParallelSource):
            tag_files = list_files(source.tags_path, folder=source.folder).files
            if len(tag_files) != len(files):
                raise ConfigError(
                    f"{place}.tags_path: wrong number of files: expected as many as in path "
                    f"({len(files)}), got {len(tag_files)}; give each file of tokens a file of tags"
                )
        if isinstance(source, BratSource):
            tag_files = tuple(map(annotation_file, files))
        if isinstance(source, DatasetsSource):
            tag_files = tuple(map(info_file, files))
        if isinstance(source, SqlSource):
            expand(source.url)
        found.append(SourceInput(source, files, tag_files, n_hidden, repeated))
    named = iter(with_distinct_names([file for input_ in found for file in input_.files + input_.tag_files]))
    return [
        replace(
            input_,
            files=tuple(next(named) for _ in input_.files),
            tag_files=tuple(next(named) for _ in input_.tag_files),
        )
        for input_ in found
    ]


def _first_of_each(files: Sequence[InputFile]) -> tuple[tuple[InputFile, ...], tuple[InputFile, ...]]:
    """Return each file once, and the repetitions."""
    first = dict(reversed([(file.path, number) for number, file in enumerate(files)]))
    is_first = [first[file.path] == number for number, file in enumerate(files)]
    return tuple(compress(files, is_first)), tuple(compress(files, map(not_, is_first)))


def source_digests(corpus: CorpusConfig) -> dict[str, str] | None:
    """Return the sha256 of every file of the sources by its location, without secrets.

    Locations that differ in their query only are numbered. Equal digests and an equal configuration imply
    equal sequences. None if only reading can tell, as for SQL.
    """
    inputs = find_inputs(corpus)
    if any(isinstance(input_.source, SqlSource) for input_ in inputs):
        return None
    files = {file.origin or file.path: file for input_ in inputs for file in input_.files + input_.tag_files}
    digests: dict[str, str] = {}
    seen = Counter[str]()
    for file in files.values():
        location = hide_passwords(file.location)
        seen[location] += 1
        name = location if seen[location] == 1 else f"{location} ({seen[location]})"
        digests[name] = _file_digest(file)
    return digests


def files_digest(path: str) -> str:
    """Return a sha256 over every byte of the files that a path or URL matches."""
    return hashlib.sha256("\n".join(map(_file_digest, find_files(path))).encode()).hexdigest()


def _file_digest(file: InputFile) -> str:
    digest = hashlib.sha256()
    with network_errors_classified(file.name), file.open() as stored:
        while block := stored.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
