"""Follower of the champion: replaces the version in service when the ledger names another one."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from seqtag.errors import RegistryError, SeqtagError, is_permanent
from seqtag.registry import Registry, ScoringModel
from seqtag.serving.metrics import ServingMetrics
from seqtag.serving.served_version import ServedVersion
from seqtag.serving.shadow import Challenger, Shadow

logger = logging.getLogger(__name__)


class Follower:
    """Polls the registry and replaces the version in service.

    A new version answers once it has been smoke-tested and loaded; until then the one before does. A version
    that fails its smoke test is rejected until the server is restarted. Any other error, such as an
    unreachable registry, is tried again at the next poll.

    Args:
        first: answers until the first poll.
        load: returns a smoke-tested model.
        serve: returns the scoring app of a loaded version.
        shadow: gets the newest challenger; None without one.
    """

    def __init__(
        self,
        first: ServedVersion,
        registry: Registry,
        *,
        load: Callable[[str], ScoringModel],
        serve: Callable[[ScoringModel, str], ServedVersion],
        metrics: ServingMetrics,
        shadow: Shadow | None = None,
    ) -> None:
        self.current = first
        self.n_failures = 0  # polls that failed since the last one that did not
        self._registry, self._load, self._serve = registry, load, serve
        self._metrics, self._shadow = metrics, shadow
        self._rejected: set[str] = set()
        self._last_error = ""
        self._publish_version()

    def poll(self) -> None:
        """Replace the version in service, and the challenger, if the registry has others; never raise."""
        errors = [
            error for poll in (self._poll_champion, self._poll_challenger) if (error := self._attempt(poll))
        ]
        if errors:
            self.n_failures += 1
            self._metrics.poll_failures.inc()
        else:
            self.n_failures = 0
            self._metrics.last_poll.set(time.time())
        self._last_error = "; ".join(errors)

    def _attempt(self, poll: Callable[[], None]) -> str:
        """Return the error of a poll, or ""; it is logged once, since a registry may be away for hours."""
        try:
            poll()
        except Exception as error:  # whatever it is, the next poll may succeed
            text = str(error) or type(error).__name__
            if text not in self._last_error:
                traceback = None if isinstance(error, SeqtagError) else error
                logger.warning("still serving version %s: %s", self.current.version, text, exc_info=traceback)
            return text
        return ""

    def _poll_champion(self) -> None:
        tagger = self.current.tagger
        standing = self._registry.standings().get(tagger)
        if standing is None or standing.champion is None or standing.champion.to_version is None:
            raise RegistryError(f"ledger has no champion of {tagger}")
        champion = standing.champion.to_version
        if champion == self.current.version:
            return
        model = self._load_if_sound(champion)
        if model is None:
            return
        before, self.current = self.current, self._serve(model, champion)
        self._publish_version()
        self._metrics.swaps.labels("swapped").inc()
        logger.info("version %s of %s was replaced by version %s", before.version, tagger, champion)

    def _poll_challenger(self) -> None:
        if self._shadow is None:
            return
        versions = self._registry.versions(self.current.tagger)
        found = next((each.version for each in versions if "challenger" in each.aliases), None)
        if found is None or found == self.current.version:
            self._shadow.challenger = None
        elif self._shadow.challenger is None or self._shadow.challenger.version != found:
            model = self._load_if_sound(found)
            self._shadow.challenger = None if model is None else Challenger(found, model)

    def _load_if_sound(self, version: str) -> ScoringModel | None:
        """Return a loaded version, or None if it fails, or failed, its smoke test."""
        if version in self._rejected:
            return None
        try:
            return self._load(version)
        except SeqtagError as error:
            if not is_permanent(error):
                raise
            self._rejected.add(version)
            self._metrics.swaps.labels("refused").inc()
            logger.error("still serving version %s: %s", self.current.version, error)
            return None

    def _publish_version(self) -> None:
        self._metrics.version.labels(self.current.tagger).set(float(self.current.version))
