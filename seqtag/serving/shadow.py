"""The challenger on a sample of the requests, after they were answered."""

from __future__ import annotations

import logging
import queue
import random
import threading
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqtag.serving.metrics import ServingMetrics
from seqtag.serving.sequence_log import SequenceLog

if TYPE_CHECKING:
    import pandas as pd

    from seqtag.registry import ScoringModel

logger = logging.getLogger(__name__)

_MAX_QUEUED = 16  # requests; further ones are not compared, which bounds memory


@dataclass(frozen=True)
class Challenger:
    """A version to compare with the champion."""

    version: str
    model: ScoringModel


class Shadow:
    """Tags sampled sequences with a challenger, and logs those that it tags differently.

    Args:
        share: of the sequences, in (0, 1].
        log: has tags and confidences of both.
        seed: of the sample.
    """

    def __init__(self, share: float, log: SequenceLog, metrics: ServingMetrics, *, seed: int = 0) -> None:
        self.challenger: Challenger | None = None
        self._share, self._log, self._metrics = share, log, metrics
        self._random = random.Random(seed)
        self._waiting: queue.Queue[tuple[pd.DataFrame, pd.DataFrame]] = queue.Queue(_MAX_QUEUED)
        threading.Thread(target=self._run, name="shadow", daemon=True).start()

    def offer(self, frame: pd.DataFrame, answers: pd.DataFrame) -> None:
        """Take a sample of an answered request; never wait."""
        if self.challenger is None:
            return
        sampled = [row for row in range(len(frame)) if self._random.random() < self._share]
        if not sampled:
            return
        try:
            self._waiting.put_nowait((frame.iloc[sampled], answers.iloc[sampled]))
        except queue.Full:
            self._metrics.shadow_skipped.inc(len(sampled))

    def _run(self) -> None:
        while True:
            frame, answers = self._waiting.get()
            try:
                if (challenger := self.challenger) is not None:
                    self._compare(challenger, frame, answers)
            except Exception:  # whatever a challenger does, the champion goes on answering
                self._metrics.shadow_skipped.inc(len(frame))
                logger.exception("version %s could not tag a sample", challenger and challenger.version)
            finally:
                self._waiting.task_done()

    def _compare(self, challenger: Challenger, frame: pd.DataFrame, answers: pd.DataFrame) -> None:
        others = challenger.model.predict(frame)
        compared, differ = Counter[str](), Counter[str]()
        disagreements: list[dict[str, Any]] = []
        for row in range(len(frame)):
            champion, other = answers.iloc[row], others.iloc[row]
            compared.update(champion["tags"])
            found = [tag for tag, its in zip(champion["tags"], other["tags"], strict=True) if tag != its]
            differ.update(found)
            if found:
                disagreements.append(
                    {
                        "tokens": frame["tokens"].iloc[row],
                        "predicted": champion["tags"],
                        "confidence": champion["confidence"],
                        "model_version": champion["model_version"],
                        "challenger_predicted": other["tags"],
                        "challenger_confidence": other["confidence"],
                        "challenger_version": challenger.version,
                    }
                )
        for tag, n in compared.items():
            self._metrics.shadow_tokens.labels(tag).inc(n)
        for tag, n in differ.items():
            self._metrics.disagreements.labels(tag).inc(n)
        self._log.add(disagreements)
