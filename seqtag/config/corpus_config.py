"""`[corpus]`, `[tags]`, `[quality]` and `[split]`: the sequences of a tagger, and their rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from seqtag.config.expectation_config import ExpectationConfig, Severity
from seqtag.config.scheme_names import SchemeName, any_name_of, scheme_name, spelling_pattern
from seqtag.config.source_columns import token_columns_of
from seqtag.config.source_config import Source
from seqtag.config.toml_table import Table

RowRule = Literal[
    "broken_sequence",
    "length_mismatch",
    "missing_tag",
    "empty_token",
    "unknown_tag",
    "illegal_transition",
    "over_long",
    "duplicate_id",
    "conflicting_labels",
    "invalid_value",
]

# Columns that snapshot, quarantine and predictions always have.
RESERVED_COLUMNS = (
    *("sequence_id", "document_id", "split", "tokens", "tags", "defect"),
    *("row", "reasons", "predicted", "confidence", "span_confidence", "unknown", "seen", "tested"),
)


class CutConfig(Table):
    """Rule by which sequences that are too long are cut into pieces, in training and in tagging.

    A sequence of more than `max_length` tokens is cut after the last token of `after` within `max_length`,
    else after `max_length` tokens. No span is cut; if labels such as I and M are no spans, declare
    `tags.scheme = "none"`. Pieces have the ids `id#1`, `id#2` and so on.

    If the source names no document, each sequence is one, or if it has more pieces than `document_pieces`,
    one for each so many consecutive pieces. Pauses in an order column are a rule
    of the source, `session_gap_minutes`; its sessions count as pieces here.
    """

    max_length: int = Field(ge=2, description="tokens of a piece; a longer sequence is cut")
    after: tuple[str, ...] = Field(
        default=(), description='tokens after which to cut, such as [".", "?"]; default: any'
    )
    document_pieces: Literal["all"] | Annotated[int, Field(ge=1)] = Field(
        default=20, description="consecutive pieces that stay in one split; all: those of a sequence"
    )

    @property
    def sentence(self) -> str:
        """The rule in words: `at most 200 tokens, after . or ?`."""
        after = f", after {' or '.join(self.after)}" if self.after else ""
        return f"at most {self.max_length:,} tokens{after}"


class CorpusConfig(Table):
    """Sources of the sequences, and further columns to keep."""

    sources: tuple[Source, ...] = Field(
        min_length=1, description="where sequences are read from, one table each"
    )
    columns: tuple[str, ...] = Field(
        default=(), description="further columns, kept as strings up to the predictions"
    )
    cut: CutConfig | None = Field(
        default=None, description="rule by which long sequences are cut; default: none is"
    )

    @property
    def token_columns(self) -> tuple[str, ...]:
        """Names of the further columns of tokens, of all sources."""
        return token_columns(self.sources)

    @model_validator(mode="after")
    def _columns_are_distinct_and_not_reserved(self) -> Self:
        check_further_columns(self.columns, self.token_columns)
        return self


def token_columns(sources: Iterable[Source]) -> tuple[str, ...]:
    """Return the names of the further columns of tokens of some sources, each once."""
    return tuple(dict.fromkeys(name for source in sources for name in token_columns_of(source)))


def check_further_columns(columns: Sequence[str], of_tokens: Sequence[str]) -> None:
    """Check the names of further columns of sequences and of tokens.

    Raises:
        ValueError: a name is reserved or repeated.
    """
    named = (*columns, *of_tokens)
    taken = [name for name in dict.fromkeys(named) if name in RESERVED_COLUMNS or named.count(name) > 1]
    if taken:
        raise ValueError(
            f"further columns are reserved or repeated: expected distinct names, none of "
            f"{', '.join(RESERVED_COLUMNS)}, got {taken}; rename them in the source"
        )


class TagsConfig(Table):
    """Scheme, spelling and set of tags, and the handling of tokens without a tag.

    A tag in IOBES says whether its span continues in the next token. IOB1 and IOB2 do not if that token has
    no tag, so the tag could not be converted. With `partial`, `train_scheme` therefore defaults to IOB2.
    """

    scheme: Annotated[
        Literal["auto"] | SchemeName,
        BeforeValidator(scheme_name),
        any_name_of("none", "IOB1", "IOB2", "IOE1", "IOE2", "IOBES", "auto"),
    ] = Field(
        default="auto",
        description="how spans are written as tags, or another name of it, such as BIO; auto: detected",
    )
    spelling: Annotated[str, AfterValidator(spelling_pattern)] = Field(
        default="auto", description='such as "B-X", "b_X" or "X-B"'
    )
    outside: str | None = Field(
        default=None, min_length=1, description="tag outside spans; default: inferred from the data"
    )
    declared: tuple[str, ...] | None = Field(
        default=None, description="tag set, spelled as in the corpus; default: the tags in train"
    )
    train_scheme: Annotated[
        Literal["IOB2", "IOBES"], BeforeValidator(scheme_name), any_name_of("IOB2", "IOBES")
    ] = Field(
        default="IOBES",
        description="scheme of spans in the splits, where they are spelled B-X and O; with partial, IOB2",
    )
    partial: bool = Field(
        default=False, description="true: tokens without a tag are allowed, and left out of losses and scores"
    )
    unlabelled: str = Field(
        default="-", description="with `partial`, the tag that means no tag, as do null and an empty tag"
    )

    @model_validator(mode="before")
    @classmethod
    def _partial_tags_default_to_iob2(cls, table: Any) -> Any:
        if isinstance(table, Mapping) and table.get("partial") is True:
            return {"train_scheme": "IOB2", **table}
        return table

    @model_validator(mode="after")
    def _spelling_has_a_scheme(self) -> Self:
        if self.scheme == "none" and (self.spelling != "auto" or self.outside is not None):
            raise ValueError(
                'spelling and outside have no effect without a scheme: remove them, or scheme = "none"'
            )
        return self

    @field_validator("unlabelled")
    @classmethod
    def _surrounding_spaces_are_ignored(cls, mark: str) -> str:
        return mark.strip()

    @model_validator(mode="after")
    def _the_mark_is_used(self) -> Self:
        if self.unlabelled != "-" and not self.partial:
            raise ValueError(
                f"unlabelled has no effect here: got {self.unlabelled!r} without partial = true; set that, "
                "or remove unlabelled"
            )
        return self

    @model_validator(mode="after")
    def _the_mark_is_not_a_tag(self) -> Self:
        if self.partial and self.unlabelled in (self.declared or ()):
            raise ValueError(
                f"unlabelled is one of the declared tags: got {self.unlabelled!r}, which cannot mean both a "
                "tag and no tag; set tags.unlabelled to another mark"
            )
        return self

    @property
    def mark(self) -> str | None:
        """Tag that means no tag; None if every token needs a tag."""
        return self.unlabelled if self.partial else None


class QualityConfig(Table):
    """Data quality rules of the corpus. Shares are fractions in [0, 1]."""

    rules: dict[RowRule, Severity] = Field(
        default_factory=dict, description="severity by rule; default: quarantine, for conflicting_labels warn"
    )
    expectations: dict[str, ExpectationConfig] = Field(
        default_factory=dict, description="expectations of Great Expectations by a name of your choice"
    )
    max_length: int = Field(default=10_000, ge=1, description="tokens; a longer sequence is over_long")
    quarantine_budget: float = Field(default=0.01, ge=0, le=1, description="share of sequences")
    min_sequences: int = Field(
        default=10, ge=1, description="sequences in the whole corpus, after quarantine"
    )
    max_volume_loss: float = Field(
        default=0.20,
        ge=0,
        le=1,
        description="share of sequences that may be lost since the champion's corpus",
    )
    min_tag_support: int = Field(default=10, ge=0, description="tokens of each tag; warns")
    max_majority_share: float = Field(
        default=0.60, ge=0, le=1, description="of the most common tag, if no scheme; warns"
    )
    max_duplicate_share: float = Field(default=0.10, ge=0, le=1, description="repeated sequences; warns")
    max_leakage_share: float = Field(
        default=0.05, ge=0, le=1, description="of dev or test that is also in train; warns"
    )
    leakage_min_length: int = Field(default=5, ge=1, description="tokens; shorter ones repeat by chance")
    max_unseen_values: float = Field(
        default=0.20, ge=0, le=1, description="of a category or set of tokens, in dev or test; warns"
    )
    max_tag_drift: float = Field(
        default=0.05, ge=0, le=1, description="Jensen-Shannon divergence, bits; warns"
    )

    def severity(self, rule: RowRule) -> Severity:
        """Return the severity of a rule: as configured, else "warn" for conflicting labels or "quarantine".

        Equal sequences with different tags are legitimate if tags depend on more than the tokens, as in
        clicks and logs. Without them, the test split would be easier than production traffic.
        """
        return self.rules.get(rule, "warn" if rule == "conflicting_labels" else "quarantine")


class SplitConfig(Table):
    """Splits: those labelled in the sources are used, the others are drawn by hash of the document."""

    mode: Literal["auto", "official", "hash"] = Field(
        default="auto",
        description="auto: labels of the sources, and a draw where they lack; official: all are labelled; "
        "hash: labels are ignored",
    )
    dev: float = Field(default=0.1, gt=0, lt=0.5, description="share of documents")
    test: float = Field(default=0.1, gt=0, lt=0.5, description="share of documents")
