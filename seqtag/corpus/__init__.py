"""Corpora: sources of many formats, read into one Arrow schema and split into train, dev and test."""

from seqtag.corpus.ambiguous_words import ambiguous_word_share
from seqtag.corpus.corpus_changes import CorpusChanges, RunCorpus, SizeChange, SplitChanges, corpus_changes
from seqtag.corpus.corpus_profile import Profile
from seqtag.corpus.files import expand
from seqtag.corpus.places import PlacesWriter, are_equal_numbers, file_numbers, read_places
from seqtag.corpus.sample_corpus import BestPossible, best_possible, sample_batches
from seqtag.corpus.schema import corpus_schema
from seqtag.corpus.snapshot import write_corpus
from seqtag.corpus.source_inputs import files_digest, source_digests
from seqtag.corpus.source_reader import read_sources
from seqtag.corpus.source_report import (
    SourceRecord,
    SourceRecords,
    SourceReport,
    assumptions,
    changes,
    contradictions_sentence,
    source_sentence,
    warning_sentences,
)
from seqtag.corpus.split_plan import SplitPlan, assign_splits, plan_splits
from seqtag.corpus.splits import sequence_ids, split_corpus

__all__ = [
    "BestPossible",
    "CorpusChanges",
    "PlacesWriter",
    "Profile",
    "RunCorpus",
    "SizeChange",
    "SourceRecord",
    "SourceRecords",
    "SourceReport",
    "SplitChanges",
    "SplitPlan",
    "ambiguous_word_share",
    "are_equal_numbers",
    "assign_splits",
    "assumptions",
    "best_possible",
    "changes",
    "contradictions_sentence",
    "corpus_changes",
    "corpus_schema",
    "expand",
    "file_numbers",
    "files_digest",
    "plan_splits",
    "read_places",
    "read_sources",
    "sample_batches",
    "sequence_ids",
    "source_digests",
    "source_sentence",
    "split_corpus",
    "warning_sentences",
    "write_corpus",
]
