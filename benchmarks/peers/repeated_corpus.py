"""A corpus of any size: a small one, repeated and changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from peers.corpus import configured, split_run, workspace_at
from seqtag.config import SPLITS

SCHEMA = pa.schema(
    [
        ("document", pa.string()),
        ("split", pa.string()),
        ("tokens", pa.list_(pa.string())),
        ("tags", pa.list_(pa.string())),
    ]
)


def write_small(tagger: Path, file: Path) -> None:
    """Write the corpus of a tagger's TOML file as one Parquet file; runs its first steps next to it."""
    run = split_run(configured(tagger, {}), workspace_at(file.with_suffix("")))
    with pq.ParquetWriter(file, SCHEMA) as writer:
        for split in SPLITS:
            read = pq.read_table(run.split(split), columns=["document_id", "tokens", "tags"])
            labels = pa.array([split] * len(read), pa.string())
            writer.write_table(pa.table([read["document_id"], labels, read["tokens"], read["tags"]], SCHEMA))


def write_repeated(small: Path, file: Path, *, n_tokens: int, replaced: float, new_words: float) -> int:
    """Write changed copies of a corpus until there are so many tokens; return their number.

    Args:
        small: file of `write_small`.
        replaced: share of the tokens that become another word with the same tag.
        new_words: share of the tokens that become words that occur nowhere else.
    """
    written, draw = 0, np.random.default_rng(5)
    table = pq.read_table(small).combine_chunks()
    with pq.ParquetWriter(file, SCHEMA, compression="zstd") as writer:
        for copy in _copies(table, draw, replaced=replaced, new_words=new_words):
            writer.write_table(copy)
            written += len(copy["tokens"].chunk(0).flatten())
            if written >= n_tokens:
                break
    return written


def _copies(
    small: pa.Table, draw: np.random.Generator, *, replaced: float, new_words: float
) -> Iterator[pa.Table]:
    """Yield changed copies without end; documents of each have other names."""
    words, tags = (small[name].chunk(0).flatten() for name in ("tokens", "tags"))
    offsets, documents = small["tokens"].chunk(0).offsets, small["document"].chunk(0)
    tag_ids = pc.dictionary_encode(tags).indices.to_numpy()
    n, number = len(words), 0
    while True:
        other = np.where(draw.random(n) < replaced, _of_equal_tag(tag_ids, draw), np.arange(n))
        is_new = draw.random(n) < new_words
        new = [f"w{drawn:x}" for drawn in draw.integers(1 << 40, size=int(is_new.sum()))]
        changed = pc.replace_with_mask(
            words.take(pa.array(other)), pa.array(is_new), pa.array(new, pa.string())
        )
        tokens = pa.ListArray.from_arrays(offsets, changed)
        named = pc.binary_join_element_wise(documents, str(number), "-")
        yield pa.table([named, small["split"], tokens, small["tags"]], SCHEMA)
        number += 1


def _of_equal_tag(tag_ids: npt.NDArray[np.int32], draw: np.random.Generator) -> npt.NDArray[np.int64]:
    """Return `<int64>[n]`, for each token the position of a random one with the same tag."""
    by_tag, n_of_tag = np.argsort(tag_ids, kind="stable"), np.bincount(tag_ids)
    drawn = (draw.random(len(tag_ids)) * n_of_tag[tag_ids]).astype(np.int64)
    position: npt.NDArray[np.int64] = by_tag[(np.cumsum(n_of_tag) - n_of_tag)[tag_ids] + drawn]
    return position
