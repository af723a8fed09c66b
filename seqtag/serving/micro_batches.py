"""Micro-batching: requests that wait for a model share its next prediction."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from seqtag.registry import Predict

_MAX_SEQUENCES = 256  # of a prediction, so that a short request does not wait for many long ones


@dataclass(frozen=True)
class _Request:
    frame: pd.DataFrame
    answer: Future[pd.DataFrame] = field(default_factory=Future)


class MicroBatches:
    """Joins the requests that arrive during a prediction into the next one.

    A request never waits for others to arrive: without traffic it is answered alone. Requests are answered in
    the order of their arrival. No thread outlives its request, so a model is freed with its last one.

    Args:
        predict: the model; called by one thread at a time.
        observe: called with the number of sequences of each prediction.
    """

    def __init__(self, predict: Predict, *, observe: Callable[[int], None] = lambda _: None) -> None:
        self._predict, self._observe = predict, observe
        self._waiting: list[_Request] = []
        self._change = threading.Lock()  # of the list
        self._turn = threading.Lock()  # to predict

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the model's answer to a frame, one row per sequence.

        Raises:
            Exception: whatever the model raises for this frame alone.
        """
        request = _Request(frame)
        with self._change:
            self._waiting.append(request)
        with self._turn:  # whoever had it before may have answered this request
            while not request.answer.done():
                self._answer(self._next())
        return request.answer.result()

    def _next(self) -> list[_Request]:
        """Take the oldest requests, at least one."""
        with self._change:
            n_sequences, n = 0, 0
            for request in self._waiting:
                n_sequences += len(request.frame)
                if n and n_sequences > _MAX_SEQUENCES:
                    break
                n += 1
            taken, self._waiting = self._waiting[:n], self._waiting[n:]
        return taken

    def _answer(self, requests: Sequence[_Request]) -> None:
        import pandas as pd

        try:
            frames = [request.frame for request in requests]
            joined = frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)
            answers = self._predict(joined)
            if len(answers) != len(joined):
                raise RuntimeError(f"model returned {len(answers)} answers to {len(joined)} sequences")
        except Exception as error:
            if len(requests) == 1:
                requests[0].answer.set_exception(error)
                return
            for request in requests:  # alone, to find the one at fault
                self._answer([request])
            return
        self._observe(len(joined))
        start = 0
        for request in requests:
            stop = start + len(request.frame)
            request.answer.set_result(answers.iloc[start:stop].set_axis(request.frame.index))
            start = stop
