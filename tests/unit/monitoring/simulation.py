"""Sequences from a known distribution: documents with topics, spans and unknown words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config import SPLITS, SplitConfig
from seqtag.corpus import assign_splits
from seqtag.corpus.split_plan import SplitPlan
from seqtag.features import Symbols
from seqtag.io.hashing import hash_sequences, hex_hashes
from seqtag.monitoring import TrainingReference
from seqtag.monitoring.validity import IN_TRAIN

WORDS = [f"w{i}" for i in range(200)]
NAMES = [f"n{i}" for i in range(60)]  # the first 40 occur in training
TYPES = ("LOC", "PER")
N_TEMPLATES = 40
TAGS = ("B-LOC", "B-PER", "O")


def period(
    n_documents: int,
    *,
    seed: int,
    unknown: float = 0.05,
    unseen: float = 0.3,
    shares: tuple[float, float] = (0.06, 0.06),
    mean_length: float = 8.0,
    confidence: float | None = None,
    accent: str = "u",
    n_rare: int = 50,
    n_unseen: int = 20,
) -> pa.RecordBatch:
    """Return documents of 1 to 5 sequences, each with its own rate of unknown words and of names.

    Args:
        unknown: share of tokens outside the vocabulary.
        unseen: share of names that training does not show.
        shares: of tokens that are a LOC, a PER.
        confidence: mean probability of a tag; None: no such column.
        accent: what words outside the vocabulary begin with.
        n_rare, n_unseen: distinct words outside the vocabulary, distinct names that training does not show.
    """
    draw = np.random.default_rng(seed)
    per_document = draw.integers(1, 6, n_documents)
    document = np.repeat(np.arange(n_documents), per_document)
    lengths = 1 + draw.poisson(mean_length - 1, len(document))
    owner = np.repeat(document, lengths)
    topic = draw.gamma(2, 0.5, n_documents)  # mean 1: sequences of a document are alike
    n = len(owner)
    u = draw.random(n)
    rates = np.minimum(np.stack([np.full(n_documents, s) for s in shares]) * topic, 0.4)[:, owner]
    is_loc, is_per = u < rates[0], (u >= rates[0]) & (u < rates[0] + rates[1])
    name = np.where(draw.random(n) < unseen, draw.integers(40, 40 + n_unseen, n), draw.integers(0, 40, n))
    word = np.minimum(draw.geometric(0.03, n) - 1, len(WORDS) - 1)
    tokens = np.where(is_loc | is_per, np.char.add("n", name.astype(str)), np.array(WORDS)[word])
    is_unknown = ~(is_loc | is_per) & (draw.random(n) < unknown * draw.gamma(4, 0.25, n_documents)[owner])
    tokens = np.where(is_unknown, np.char.add(accent, draw.integers(0, n_rare, n).astype(str)), tokens)
    tags = np.select([is_loc, is_per], ["B-LOC", "B-PER"], default="O")
    offsets = pa.array(np.append(0, np.cumsum(lengths)), pa.int32())
    columns = {
        "document_id": pa.array([f"{seed}-{i}" for i in document]),
        "tokens": pa.ListArray.from_arrays(offsets, pa.array(tokens.tolist())),
        "tags": pa.ListArray.from_arrays(offsets, pa.array(tags.tolist())),
    }
    if confidence is not None:
        sure = draw.beta(10 * confidence, 10 * (1 - confidence), n).astype(np.float32)
        columns["confidence"] = pa.ListArray.from_arrays(offsets, pa.array(sure))
    return pa.RecordBatch.from_pydict(columns)


def traffic(n_sequences: int, *, seed: int, repeating: float = 0.0, **shift: Any) -> pa.RecordBatch:
    """Return sequences that come one by one, each with the hash of its tokens as its document.

    Rare words and unseen names are hardly ever drawn twice, so that train is as incomplete as that of a real
    corpus. `N_TEMPLATES` fixed sequences repeat, the k-th of them with a share proportional to 1 / k.

    Args:
        repeating: share of the sequences that are templates.
        shift: arguments of `period`, for the sequences that are no templates.
    """
    draw = np.random.default_rng([seed, 1])
    is_template = draw.random(n_sequences) < repeating
    shares = 1 / np.arange(1, N_TEMPLATES + 1)
    template = draw.choice(N_TEMPLATES, n_sequences, p=shares / shares.sum())
    both = pa.concat_batches([_one_by_one(N_TEMPLATES, seed=0), _one_by_one(n_sequences, seed=seed, **shift)])
    drawn = both.take(pa.array(np.where(is_template, template, N_TEMPLATES + np.arange(n_sequences))))
    return drawn.set_column(0, "document_id", hex_hashes(hash_sequences(drawn.column("tokens"))))


def by_month(
    n_months: int, n_sequences: int, *, seed: int, spread: float, repeating: float = 0.0
) -> list[pa.RecordBatch]:
    """Return months of `traffic` with a column `day`, each with a few rare words that no other has.

    Args:
        spread: standard deviation of the logarithms of the shares of each.
    """
    factors = np.exp(np.random.default_rng([seed, 2]).normal(0, spread, (n_months, 3)))
    months = []
    for number, (unknown, loc, per) in enumerate(factors):
        batch = traffic(
            n_sequences,
            seed=1000 * seed + number,
            repeating=repeating,
            unknown=0.05 * unknown,
            shares=(0.06 * loc, 0.06 * per),
            accent=f"m{number}x",
            n_rare=20,
        )
        day = f"{2020 + number // 12}-{number % 12 + 1:02}-15"
        months.append(batch.append_column("day", pa.array([day] * n_sequences)))
    return months


def trained_on(snapshot: pa.RecordBatch) -> tuple[pa.RecordBatch, TrainingReference]:
    """Return a snapshot as a reference, split by documents, and the training reference made from it."""
    splits = assign_splits(
        snapshot.append_column("split", pa.nulls(snapshot.num_rows, pa.string())),
        plan=SplitPlan(SplitConfig(), dict.fromkeys(SPLITS, 0), snapshot.num_rows, np.zeros(0, np.uint64)),
    )
    in_train = pc.equal(splits, "train")
    train = snapshot.filter(in_train)
    words = pc.value_counts(train.column("tokens").flatten())
    counted = pa.table({"symbol": words.field("values"), "count": words.field("counts")})
    shown = TrainingReference.of_training([train], words=Symbols.of_counts(counted), scheme="IOB2")
    return snapshot.append_column(IN_TRAIN, in_train), shown


def _one_by_one(n_sequences: int, **arguments: Any) -> pa.RecordBatch:
    """Return the first sequence of each document."""
    documents = period(n_sequences, **{"n_rare": 10**6, "n_unseen": 10**6, **arguments})
    names = documents.column("document_id").to_numpy(zero_copy_only=False)
    return documents.take(pa.array(np.flatnonzero(np.append(True, names[1:] != names[:-1]))))


def symbols(words: list[str]) -> Symbols:
    return Symbols.of_counts(pa.table({"symbol": words, "count": [1] * len(words)}))


def known() -> TrainingReference:
    """Return a training reference: WORDS, all NAMES as words, and the first 40 as spans of both types."""
    shown = [[name] for name in NAMES[:40] for _ in TYPES]
    tags = [[f"B-{type_}"] for _ in NAMES[:40] for type_ in TYPES]
    train = pa.RecordBatch.from_pydict(
        {"tokens": pa.array(shown, pa.list_(pa.string())), "tags": pa.array(tags, pa.list_(pa.string()))}
    )
    return TrainingReference.of_training([train], words=symbols([*WORDS, *NAMES]), scheme="IOB2")
