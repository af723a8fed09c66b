"""Share of the tokens whose word has several tags in the corpus."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from seqtag.corpus.schema import TAGS, TOKENS
from seqtag.io.row_groups import read_row_groups


def ambiguous_word_share(parts: Sequence[Path]) -> float:
    """Return the share of the tagged tokens whose word has several tags, a fraction in [0, 1].

    Sequences with another number of tags than tokens are left out.

    Args:
        parts: files of a snapshot.
    """
    counted = []
    for _, batch in read_row_groups(parts, [TOKENS, TAGS]):
        tokens, tags = batch.column(TOKENS), batch.column(TAGS)
        alike = pc.fill_null(pc.equal(pc.list_value_length(tokens), pc.list_value_length(tags)), False)
        pairs = pa.table({"word": tokens.filter(alike).flatten(), "tag": tags.filter(alike).flatten()})
        counted.append(pairs.group_by(["word", "tag"]).aggregate([([], "count_all")]))
    pairs = pa.concat_tables(counted).filter(pc.field("tag").is_valid())
    pairs = pairs.group_by(["word", "tag"]).aggregate([("count_all", "sum")])
    words = pairs.group_by("word").aggregate([("tag", "count"), ("count_all_sum", "sum")])
    n_tokens = pc.sum(words["count_all_sum_sum"]).as_py() or 0
    several = words.filter(pc.greater(words["tag_count"], 1))
    return (pc.sum(several["count_all_sum_sum"]).as_py() or 0) / n_tokens if n_tokens else 0.0
