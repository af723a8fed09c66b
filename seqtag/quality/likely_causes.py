"""Likely causes when one rule refuses most of a corpus or source: a wrong setting, not wrong sequences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from seqtag.corpus import SourceRecord
from seqtag.quality.violations import Rows


@dataclass(frozen=True)
class Cause:
    """Symptom (completes "98.33% of 60 sequences ..."), likely cause and fix."""

    breaks: str
    likely: str
    fix: str


CAUSES: Mapping[str, Cause] = {
    "broken_sequence": Cause(
        "cannot be read as declared",
        "the keys of the source do not fit it, as the first defect shows",
        "correct keys such as separator, header, comment, delimiter, sequence_ids or order_format",
    ),
    "length_mismatch": Cause(
        "have more or fewer tags than tokens",
        "tokens and tags are split differently, or their columns do not belong together",
        "correct the columns of the source",
    ),
    "missing_tag": Cause(
        "have tokens without a tag",
        "the annotation is partial, or the tags are in another column",
        "set tags.partial = true to train on the tagged tokens",
    ),
    "empty_token": Cause(
        "have an empty token",
        "the tokens are in another column, or some rows have none",
        "correct token_column or tokens_column, or the source",
    ),
    "unknown_tag": Cause(
        "have a tag that is not declared",
        "tags.declared is spelled differently from the corpus, or the tags are in another column",
        "correct tags.declared or tag_column",
    ),
    "illegal_transition": Cause(
        "break scheme {scheme}",
        "the tags look like another scheme or spelling",
        'set tags.scheme and tags.spelling, or tags.scheme = "none" if they are not spans',
    ),
    "over_long": Cause(
        "are too long",
        "sequence ends are not recognized",
        "check blank lines or the column of sequence ids, cut sequences with corpus.cut.max_length, or raise "
        "quality.max_length",
    ),
    "duplicate_id": Cause(
        "have the id of another sequence",
        "ids are unique only within a file or split, or the rows of a sequence are not adjacent",
        'id_scope = "file" makes ids unique per file, rows = "interleaved" groups rows by id',
    ),
    "conflicting_labels": Cause(
        "have the same tokens as another sequence but different tags",
        "the tags depend on information that the tokens do not contain",
        '[quality.rules] conflicting_labels = "warn" keeps such sequences',
    ),
    "invalid_value": Cause(
        "have a value that is no number or time",
        "the column has another content, or marks missing values with a word",
        "correct token_columns or the kind of the column, or leave missing values empty",
    ),
    "unknown_split": Cause(
        "name an unknown split",
        "the splits are not called train, dev and test",
        'map their names with split_names = { NAME = "train" }',
    ),
}


@dataclass(frozen=True)
class Prevalence:
    """A rule broken by at least half of the corpus or of one source.

    rows: `[start, stop)` of the corpus or source.
    """

    rule: str
    count: int
    rows: tuple[int, int]
    source: str  # "" for the whole corpus

    def sentence(self, scheme: str) -> str:
        """Describe how many sequences break the rule, and the likely cause.

        >>> Prevalence("over_long", 59, (0, 60), "").sentence("none").partition(" (")[0]
        '98.33% of 60 sequences are too long: sequence ends are not recognized'
        """
        cause, n = CAUSES[self.rule], self.rows[1] - self.rows[0]
        of = f" of {self.source}" if self.source else ""
        breaks = f"{self.count / n:.2%} of {n:,} sequences{of} {cause.breaks.format(scheme=scheme)}"
        return f"{breaks}: {cause.likely} ({cause.fix})"


def find_prevalence(
    rows: Mapping[str, Rows], *, among: Iterable[str], n_sequences: int, sources: Sequence[SourceRecord]
) -> Prevalence | None:
    """Return the rule that at least half of the corpus, or else of one source, breaks; None if there is none.

    Args:
        rows: rule -> rows that violate it, ascending.
        among: rules that can refuse a corpus.
        sources: in reading order; ignored unless they account for all sequences.
    """
    candidates = [rule for rule in among if rule in rows and rule in CAUSES]
    areas = [("", 0, n_sequences)]
    stops = np.cumsum([source.n_sequences for source in sources], dtype=np.int64).tolist()
    if len(sources) > 1 and stops[-1] == n_sequences:
        starts = [0, *stops[:-1]]
        areas += [(s.name, *area) for s, *area in zip(sources, starts, stops, strict=True)]
    for name, start, stop in areas:
        counts = {rule: int(np.diff(np.searchsorted(rows[rule], [start, stop]))[0]) for rule in candidates}
        worst = max(counts, key=lambda rule: counts[rule], default=None)
        if worst is not None and 0 < stop - start <= 2 * counts[worst]:
            return Prevalence(worst, counts[worst], (start, stop), name)
    return None
