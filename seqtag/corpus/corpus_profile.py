"""Profile of a corpus: the record of its contents, its tags, and the outcome of validation.

It is here, and not with the code that validates, so that steps that only read it do not depend on that code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import AliasChoices, Field

from seqtag.config import SchemeName, Severity, Split
from seqtag.corpus.source_report import SourceRecord
from seqtag.corpus.split_plan import UnlabelledSplit
from seqtag.corpus.token_column_profile import ColumnProfile
from seqtag.records import Passed, Record
from seqtag.tagging.spelling import CANONICAL_SPELLING, Spelling

TagCounts = Mapping[str, Mapping[str, int]]  # tag -> split -> tokens

_OLDER_NAME = Field(validation_alias=AliasChoices("split_origins", "carving"))


@dataclass(frozen=True)
class SchemeChoice:
    """The tag scheme of a corpus, the reason for it, and the spelling of its tags."""

    declared: SchemeName | Literal["auto"]
    detected: SchemeName
    used: SchemeName
    reason: str
    spelling: Spelling = CANONICAL_SPELLING

    @property
    def sentence(self) -> str:
        """The scheme and the reason for it: `no scheme: no tag has a prefix (B-, I-, E-, S-)`."""
        scheme = "no scheme" if self.used == "none" else f"scheme {self.used}"
        return f"{scheme}: {self.reason}"


@dataclass(frozen=True)
class SplitSize:
    """Counts of one split, after quarantine."""

    n_sequences: int
    n_tokens: int
    n_types: int  # word types
    longest: int  # tokens
    mean_length: float  # tokens
    unlabelled: int  # sequences without tags
    untagged: int = 0  # tokens without a tag in the other sequences


@dataclass(frozen=True)
class SplitOrigins:
    """The origin of dev and test, and the splits that no source labels; sizes are after quarantine."""

    sentence: str
    splits: Sequence[UnlabelledSplit]


@dataclass(frozen=True)
class AmbiguousShare:
    """Sequences whose tokens also occur with other tags; shares are of those received, before quarantine."""

    n_sequences: int
    n_received: int
    share: float  # of the sequences
    n_tokens: int
    token_share: float


@dataclass(frozen=True)
class Ambiguity:
    """The ambiguous sequences of a corpus and of each split, and whether they are quarantined."""

    sentence: str
    left_out: bool
    corpus: AmbiguousShare
    train: AmbiguousShare
    dev: AmbiguousShare
    test: AmbiguousShare

    def of(self, split: Split) -> AmbiguousShare:
        return {"train": self.train, "dev": self.dev, "test": self.test}[split]


@dataclass(frozen=True)
class QuarantineSize:
    """The quarantined sequences, in total and by rule; a sequence can break several."""

    n_sequences: int
    share: float  # of the sequences received
    budget: float  # the largest share that is accepted
    by_rule: Mapping[str, int]


@dataclass(frozen=True)
class RuleOutcome:
    """Outcome of a validation rule, with its requirement and finding in words."""

    rule: str
    severity: Severity
    count: int  # violations; 0 or 1 for a rule without countable ones
    passed: Passed
    message: str


@dataclass(frozen=True)
class ExpectationCounts:
    """Numbers of expectations that Great Expectations was given and evaluated, and that failed."""

    defined: int
    evaluated: int
    failed: int


@dataclass(frozen=True)
class Profile(Record):
    """profile.json."""

    FORMAT: ClassVar[str] = "profile/2"

    accepted: bool
    sentence: str  # the verdict and its reason
    scheme: SchemeChoice
    splits: Mapping[Split, SplitSize]
    split_origins: Annotated[SplitOrigins, _OLDER_NAME]
    ambiguity: Ambiguity
    quarantined: QuarantineSize
    rules: Sequence[RuleOutcome]
    expectations: ExpectationCounts
    tags: TagCounts  # after quarantine
    sources: Sequence[SourceRecord] = ()  # assumptions of the readers
    untagged: str = ""  # sentence about tokens without a tag
    columns: Sequence[ColumnProfile] = ()  # of tokens, as far as the model reads them
