"""Following the champion: the version in service is replaced when the ledger has another one."""

from __future__ import annotations

import logging
from collections.abc import Callable

from seqtag.errors import SeqtagError, is_permanent
from seqtag.registry import Registry, ScoringModel
from seqtag.serving.metrics import ServingMetrics
from seqtag.serving.served_version import ServedVersion
from seqtag.serving.shadow import Challenger, Shadow

logger = logging.getLogger(__name__)


class Follower:
    """The version in service, and the looks into the registry that replace it.

    A new version answers once it has been smoke-tested and loaded; until then the one before does. A version
    that fails its smoke test is refused until the server is restarted. Any other error, such as an
    unreachable registry, is tried again at the next look.

    Args:
        first: answers until the first look.
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
        self._registry, self._load, self._serve = registry, load, serve
        self._metrics, self._shadow = metrics, shadow
        self._refused: set[str] = set()
        self._last_error = ""
        self._show()

    def look(self) -> None:
        """Replace the version in service, and the challenger, if the registry has others."""
        try:
            self._look()
        except SeqtagError as error:
            self._metrics.swaps.labels("failed").inc()
            if str(error) != self._last_error:  # a registry may be out of reach for hours
                logger.warning("still serving version %s: %s", self.current.version, error)
            self._last_error = str(error)
        else:
            self._last_error = ""

    def _look(self) -> None:
        tagger = self.current.tagger
        standing = self._registry.standings().get(tagger)
        champion = standing.champion.to_version if standing and standing.champion else None
        if champion not in (None, self.current.version):
            model = self._tested(champion)
            if model is not None:
                before, self.current = self.current, self._serve(model, champion)
                self._show()
                self._metrics.swaps.labels("swapped").inc()
                logger.warning("version %s of %s answers in place of %s", champion, tagger, before.version)
        if self._shadow is not None:
            self._look_for_challenger(self._shadow)

    def _look_for_challenger(self, shadow: Shadow) -> None:
        versions = self._registry.versions(self.current.tagger)
        found = next((each.version for each in versions if "challenger" in each.aliases), None)
        if found in (None, self.current.version):
            shadow.challenger = None
        elif shadow.challenger is None or shadow.challenger.version != found:
            model = self._tested(found)
            shadow.challenger = None if model is None else Challenger(found, model)

    def _tested(self, version: str) -> ScoringModel | None:
        """Return a loaded version, or None if it is refused."""
        if version in self._refused:
            return None
        try:
            return self._load(version)
        except SeqtagError as error:
            if not is_permanent(error):
                raise
            self._refused.add(version)
            self._metrics.swaps.labels("refused").inc()
            logger.error("still serving version %s: %s", self.current.version, error)
            return None

    def _show(self) -> None:
        self._metrics.version.labels(self.current.tagger).set(float(self.current.version))
