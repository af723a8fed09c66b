"""The sample corpus: synthetic sessions in a shop, each action tagged with the phase it belongs to.

Comparing looks like browsing, and buying like hesitating, until the phase is over: only the next one decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config.source_config import SampleSource
from seqtag.corpus.schema import corpus_schema
from seqtag.corpus.semi_markov import Ints, Phase, SemiMarkovModel
from seqtag.errors import ConfigError, CorpusFormatError
from seqtag.records import Record

SAMPLE_COLUMNS = ("channel", "device")
_BATCH = 4096  # sequences drawn at a time; changing it changes the sequences
_USERS = 1500  # per batch, so that most have several sessions
_CHUNK = 512  # sequences whose posteriors are in memory at a time


@dataclass(frozen=True)
class BestPossible(Record):
    """The accuracy of two taggers that know the generator: no tagger can be expected to do better.

    `optimum` reads the whole sequence, `past_only` each token and those before it. *Expected* is the mean
    probability of the tags that they choose, *realised* the fraction of correct tags.
    """

    FORMAT: ClassVar[str] = "optimum/1"

    n_sequences: int
    n_tokens: int
    optimum_expected: float
    optimum_realised: float
    past_only_expected: float
    past_only_realised: float


def sample_batches(source: SampleSource, columns: Sequence[str] = ()) -> Iterator[pa.RecordBatch]:
    """Draw sessions as batches of the corpus schema; `document_id` is the user.

    Equal seeds give equal sessions; a larger `n_sequences` appends sessions and changes none.

    Raises:
        ConfigError: `columns` names a column that these sessions lack.
    """
    unknown = sorted(set(columns) - set(SAMPLE_COLUMNS))
    if unknown:
        raise ConfigError(
            f"corpus.columns: unknown columns of the sample corpus: expected some of {list(SAMPLE_COLUMNS)}, "
            f"got {unknown}; remove these"
        )
    return (_batch(source, first, corpus_schema(columns)) for first in range(0, source.n_sequences, _BATCH))


def best_possible(tokens: pa.ListArray, tags: pa.ListArray) -> BestPossible:
    """Compute the exact scores of the best possible taggers on sample sequences.

    Args:
        tokens: list<string>[n], whole sessions of the sample corpus.
        tags: list<string>[n], their phases.

    Raises:
        CorpusFormatError: the sample model cannot draw a token, a tag or a sequence; or there are no tokens.
    """
    model = sample_model()
    correct = np.zeros(2)
    expected = np.zeros(2)
    n_tokens = 0
    for start in range(0, len(tokens), _CHUNK):
        actions, lengths = _padded(tokens.slice(start, _CHUNK), model.actions, "token")
        phases, _ = _padded(tags.slice(start, _CHUNK), model.phases, "tag")
        known = model.posteriors(actions, lengths)
        real = np.arange(actions.shape[1]) < lengths[:, None]
        if actions.shape[1] > model.longest or not np.all(known.smoothed.any(axis=2) == real):
            raise CorpusFormatError(
                "sequences are not from the sample corpus: expected sessions that its model can "
                "draw, got others"
            )
        for i, posterior in enumerate((known.smoothed, known.filtered)):
            expected[i] += posterior.max(axis=2).sum()
            correct[i] += (posterior.argmax(axis=2) == phases)[real].sum()
        n_tokens += int(lengths.sum())
    if n_tokens == 0:
        raise CorpusFormatError("no tokens to score: expected at least one, got none")
    return BestPossible(
        n_sequences=len(tokens),
        n_tokens=n_tokens,
        optimum_expected=float(expected[0] / n_tokens),
        optimum_realised=float(correct[0] / n_tokens),
        past_only_expected=float(expected[1] / n_tokens),
        past_only_realised=float(correct[1] / n_tokens),
    )


@cache
def sample_model() -> SemiMarkovModel:
    """Return the model that the sample corpus is drawn from."""
    return SemiMarkovModel.of(
        {
            "arriving": Phase(
                lasts=_lasting(1, 2, 4),
                shows={"open_app": 3, "open_link": 3, "view_home": 4, "log_in": 2, "view_offers": 2} | _IDLE,
                then={"searching": 6, "browsing": 4, "comparing": 2},
            ),
            "searching": Phase(
                lasts=_lasting(2, 3, 7),
                shows={
                    "search": 5,
                    "refine_search": 3,
                    "apply_filter": 3,
                    "sort_results": 2,
                    "scroll_results": 5,
                    "next_page": 2,
                }
                | _IDLE,
                then={"comparing": 5, "browsing": 5},
            ),
            "browsing": Phase(
                lasts=_lasting(3, 5, 12), shows=_LOOKING, then={"searching": 3, "leaving": 4, "hesitating": 4}
            ),
            "comparing": Phase(lasts=_lasting(3, 5, 12), shows=_LOOKING, then={"buying": 8, "searching": 1}),
            "buying": Phase(lasts=_lasting(2, 5, 9), shows=_AT_CART, then={"paying": 1}),
            "hesitating": Phase(
                lasts=_lasting(2, 5, 9), shows=_AT_CART, then={"leaving": 7, "browsing": 1, "searching": 2}
            ),
            "paying": Phase(
                lasts=_lasting(2, 3, 5),
                shows={"enter_card": 4, "choose_payment": 4, "confirm_order": 4, "view_receipt": 3} | _IDLE,
                then={"leaving": 5, None: 5},
            ),
            "leaving": Phase(
                lasts=_lasting(1, 2, 4),
                shows={"save_for_later": 3, "view_wishlist": 3, "log_out": 3, "close_app": 4} | _IDLE,
                then={None: 1},
            ),
        },
        starts={"arriving": 8, "searching": 2},
        longest=60,
    )


def _lasting(shortest: int, likeliest: int, longest: int) -> dict[int, float]:
    """Return weights by duration that rise linearly to the likeliest one and then fall linearly."""
    rise, fall = likeliest - shortest + 1, longest - likeliest + 1
    return {d: min((d - shortest + 1) / rise, (longest - d + 1) / fall) for d in range(shortest, longest + 1)}


_IDLE = {"scroll": 1.5, "go_back": 1, "switch_tab": 0.5}
_LOOKING = {
    "view_item": 6,
    "read_reviews": 4,
    "zoom_photo": 3,
    "view_similar": 3,
    "read_specs": 2,
    "check_price": 2,
    "watch_video": 1,
    "ask_question": 1,
} | _IDLE
_AT_CART = {
    "add_to_cart": 4,
    "view_cart": 4,
    "change_quantity": 2,
    "apply_coupon": 2,
    "estimate_delivery": 3,
    "enter_address": 2,
    "read_returns_policy": 1,
} | _IDLE


def _batch(source: SampleSource, first: int, schema: pa.Schema) -> pa.RecordBatch:
    """Draw a whole batch, so that its sequences do not depend on `n_sequences`, and keep those requested."""
    model = sample_model()
    drawn = model.sample(_BATCH, seed=(source.seed, first // _BATCH))
    kept = min(_BATCH, source.n_sequences - first)
    uniform = np.random.default_rng((source.seed, first // _BATCH, 1)).random((3, _BATCH))
    numbers = np.arange(first, first + kept)
    users = (first // _BATCH * _USERS + uniform[0] * _USERS).astype(np.int64)[:kept]
    on_phone = np.where(drawn.lengths < 20, 0.65, 0.4)  # short sessions are mostly from phones
    device = np.select([uniform[1] < on_phone, uniform[1] < 0.9], ["phone", "desktop"], "tablet")
    channel = np.select([uniform[2] < 0.45, uniform[2] < 0.8], ["direct", "newsletter"], "advert")
    fields = {
        "sequence_id": _numbered("session", numbers),
        "document_id": _numbered("user", users),
        "split": pa.nulls(kept, pa.string()),
        "tokens": _ragged(drawn.actions, drawn.lengths, model.actions).slice(0, kept),
        "tags": _ragged(drawn.phases, drawn.lengths, model.phases).slice(0, kept),
        "defect": pa.nulls(kept, pa.string()),
        "device": pa.array(device[:kept], pa.string()),
        "channel": pa.array(channel[:kept], pa.string()),
    }
    return pa.record_batch([fields[name] for name in schema.names], schema=schema)


def _numbered(name: str, numbers: Ints) -> pa.Array:
    digits = pc.utf8_lpad(pc.cast(pa.array(numbers), pa.string()), width=6, padding="0")
    return pc.binary_join_element_wise(name, digits, "-")


def _ragged(padded: Ints, lengths: Ints, names: Sequence[str]) -> pa.ListArray:
    real = np.arange(padded.shape[1]) < lengths[:, None]
    values = pa.DictionaryArray.from_arrays(padded[real].astype(np.int32), list(names)).cast(pa.string())
    return pa.ListArray.from_arrays(np.concatenate([[0], lengths.cumsum()]).astype(np.int32), values)


def _padded(strings: pa.ListArray, names: Sequence[str], what: str) -> tuple[Ints, Ints]:
    """Return the positions in `names`, `<int64>[batch, time]`, and the lengths, `<int64>[batch]`."""
    lengths = pc.list_value_length(strings).to_numpy().astype(np.int64)
    flat = strings.flatten()
    numbers = pc.index_in(flat, pa.array(names))
    if numbers.null_count:
        unknown = flat[pc.index(pc.is_null(numbers), True).as_py()].as_py()
        raise CorpusFormatError(
            f"unknown {what} of the sample corpus: expected one of {names}, got {unknown!r}"
        )
    padded = np.zeros((len(lengths), int(lengths.max(initial=0))), np.int64)
    padded[np.arange(padded.shape[1]) < lengths[:, None]] = numbers.to_numpy()
    return padded, lengths
