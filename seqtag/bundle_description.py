"""Bundle description (bundle.json): the parameters of a trained tagger, and the digests of its files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field

from seqtag.config import CutConfig, Metric, ModelConfig, SchemeName, new_recipe_name
from seqtag.errors import BundleError, RunDirError
from seqtag.features import Coverage

BUNDLE: Final = "bundle.json"
FORMAT: Final = 2


class Bundle(BaseModel):
    """The content of bundle.json: all parameters of the architecture, and the digests of all other files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[2] = FORMAT
    recipe: Annotated[str, AfterValidator(new_recipe_name)]
    model: ModelConfig  # sizes of the recipe `default`
    n_words: int  # number of word ids, <pad> and <unk> included
    n_characters: int
    n_tags: int
    scheme: SchemeName  # scheme of the tag ids
    output_scheme: SchemeName = Field(validation_alias=AliasChoices("output_scheme", "spoken"))
    # padded lengths; longer sequences are tagged in windows
    bucket_lengths: tuple[int, ...] = Field(validation_alias=AliasChoices("bucket_lengths", "ladder"))
    window_overlap: int  # tokens
    cut: CutConfig | None = None  # rule by which longer sequences are cut before they are tagged
    metric: Metric
    seed: int
    best_epoch: int
    dev_score: float
    dev_accuracy: float
    vectors: Coverage | None = None  # share of train that has a static vector; None without static vectors
    temperature: float  # divisor of the scores, which calibrates confidences on dev
    # tokens and padding of the largest batch, if reduced to save memory
    max_batch_tokens: int | None = Field(
        default=None, validation_alias=AliasChoices("max_batch_tokens", "batch_cells")
    )
    versions: Mapping[str, str]
    files: Mapping[str, str]  # path in the bundle -> sha256

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the description of a bundle; its files are not checked.

        Raises:
            BundleError: it is damaged, or has another format.
            RunDirError: it is missing or cannot be read; the cause is the OSError.
        """
        path = folder / BUNDLE
        try:
            content = path.read_bytes()
        except OSError as error:
            raise RunDirError(f"{path}: file cannot be read: {error}") from error
        try:
            parsed = json.loads(content)
            found = parsed.get("format") if isinstance(parsed, dict) else None
            if found != FORMAT:
                raise BundleError(
                    f"{path}: bundle has format {found}, written by another version of seqtag; expected "
                    f"format {FORMAT}. If it is the champion, remove its alias, and the next run trains a "
                    "new one"
                )
            return cls.model_validate_json(content)
        except (ValueError, RecursionError) as error:
            raise BundleError(f"{path}: not a bundle of format {FORMAT}: {error}") from None
