"""Checks of a source that need all of its sequences."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from seqtag.config.source_config import SampleSource, Source
from seqtag.corpus.record_batches import has_content_id
from seqtag.corpus.schema import SPLIT, TAGS
from seqtag.corpus.source_report import SourceReport


class WholeSource:
    """Find declared columns without any value, and tags that are all numbers."""

    def __init__(self, source: Source) -> None:
        self._split = None if isinstance(source, SampleSource) else source.split_column
        self._document = None if isinstance(source, SampleSource) else source.document_column
        self._has_split = self._split is None
        self._has_document = self._document is None
        self._has_text = not isinstance(source, SampleSource) and source.tag_names is not None
        self._tag = ""

    def look(self, batch: pa.RecordBatch) -> None:
        """Check the next sequences."""
        self._has_split = self._has_split or batch[SPLIT].null_count < batch.num_rows
        if not self._has_document:
            self._has_document = not has_content_id(batch).all()
        if not self._has_text:
            tags = batch[TAGS].flatten().drop_null()
            self._has_text = not pc.all(pc.match_substring_regex(tags, "^[0-9]+$")).as_py()
            self._tag = self._tag or (tags[0].as_py() if len(tags) else "")

    def warn(self, report: SourceReport) -> None:
        """Warn of each suspicion that no sequence has refuted."""
        if not self._has_split:
            report.warn(
                "no_split",
                f"split_column '{self._split}' has no value in any row, so all sequences are divided among "
                "train, dev and test; remove the key, or correct it",
                place=report.name,
            )
        if not self._has_document:
            report.warn(
                "no_document",
                f"document_column '{self._document}' has no value in any row, so each sequence counts as a "
                "document, and real documents may be divided between splits; remove the key, or correct it",
                place=report.name,
            )
        if not self._has_text and self._tag:
            report.warn(
                "numbered_tags",
                f"all tags are whole numbers, such as {self._tag!r}, and were read as labels of single "
                'tokens; if they are class numbers, name them in order, from number 0: tag_names = ["O", '
                '"B-PER", ...] in [[corpus.sources]]',
                place=report.name,
            )
