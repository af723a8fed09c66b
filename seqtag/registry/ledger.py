"""Append-only ledger of decisions and rollbacks: who did what, and when."""

from __future__ import annotations

from dataclasses import asdict

import sqlalchemy as sa

from seqtag.registry.ledger_table import SELECT_ENTRIES, ledger, make_table
from seqtag.registry.types import EVERYTHING, MOVES, UNBLOCKS, Entry, Event, RecordedComparison, Standing


class Ledger:
    """The entries of all taggers in one database.

    Each tagger's entries are numbered from 1. A writer gives the number of its entry, so if two writers race
    from the same state, exactly one succeeds.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def prepare(self) -> None:
        """Create the table if it does not exist."""
        make_table(self._engine)

    def entries(self, tagger: str) -> list[Entry]:
        """Return all entries, oldest first."""
        return self._found(tagger)

    def length(self, tagger: str) -> int:
        """Return the number of the newest entry, 0 if there is none."""
        newest = self._found(tagger, newest=True)
        return newest[0].entry if newest else 0

    def latest_move(self, tagger: str) -> Entry | None:
        """Return the newest entry that set the champion."""
        found = self._found(tagger, ledger.c.event.in_(MOVES), newest=True)
        return found[0] if found else None

    def latest_decision(self, tagger: str, version: str) -> Entry | None:
        """Return the newest entry with a decision on a version."""
        decisions = (Event.PROMOTE, Event.HOLD, Event.REJECT)
        of_version = (ledger.c.to_version == version, ledger.c.event.in_(decisions))
        found = self._found(tagger, *of_version, newest=True)
        return found[0] if found else None

    def predecessor(self, tagger: str, version: str) -> str | None:
        """Return the champion that this version replaced when it was last promoted or adopted."""
        of_version = (ledger.c.to_version == version, ledger.c.event.in_((Event.PROMOTE, Event.ADOPT)))
        found = self._found(tagger, *of_version, newest=True)
        return found[0].from_version if found else None

    def comparisons(self, tagger: str) -> list[RecordedComparison]:
        """Return the distinct comparisons of challengers with champions, oldest first.

        A comparison that was repeated counts once, with its highest error level.
        """
        spent: dict[str, float] = {}
        for entry in self._found(tagger, ledger.c.evidence != ""):
            spent[entry.evidence] = max(entry.spent, spent.get(entry.evidence, 0.0))
        return [RecordedComparison(evidence, most) for evidence, most in spent.items()]

    def blocks(self, tagger: str) -> list[Entry]:
        """Return the entries with blocks in force, oldest first."""
        unblocked = self._found(tagger, ledger.c.event.in_(UNBLOCKS), newest=True)
        since = unblocked[0].entry if unblocked else 0
        return self._found(tagger, ledger.c.blocks.is_not(None), ledger.c.entry > since)

    def standings(self) -> dict[str, Standing]:
        """Return the champion and the blocks in force of every tagger, with one query."""
        found: dict[str, Standing] = {}
        is_relevant = ledger.c.event.in_((*MOVES, *UNBLOCKS)) | ledger.c.blocks.is_not(None)
        query = SELECT_ENTRIES.where(is_relevant).order_by(ledger.c.tagger, ledger.c.entry)
        with self._engine.connect() as connection:
            for row in connection.execute(query).mappings():
                entry = Entry(**row)
                before = found.get(entry.tagger, Standing(None, []))
                blocks = [] if entry.event in UNBLOCKS else list(before.blocks)
                found[entry.tagger] = Standing(
                    champion=entry if entry.event in MOVES else before.champion,
                    blocks=blocks if entry.blocks is None else [*blocks, entry],
                )
        return found

    def block(self, tagger: str, lineage: str) -> Entry | None:
        """Return the newest entry that blocks a lineage."""
        found = [entry for entry in self.blocks(tagger) if entry.blocks in (lineage, EVERYTHING)]
        return found[-1] if found else None

    def append(self, *entries: Entry) -> bool:
        """Add entries of different taggers, all or none; return False if a number is taken."""
        try:
            with self._engine.begin() as connection:
                for entry in entries:
                    connection.execute(ledger.insert().values(asdict(entry)))
        except sa.exc.IntegrityError:
            if all(self.length(entry.tagger) < entry.entry for entry in entries):  # rejected otherwise
                raise
            return False
        return True

    def _found(self, tagger: str, *conditions: sa.ColumnElement[bool], newest: bool = False) -> list[Entry]:
        query = SELECT_ENTRIES.where(ledger.c.tagger == tagger, *conditions)
        order = ledger.c.entry.desc() if newest else ledger.c.entry
        query = query.order_by(order).limit(1) if newest else query.order_by(order)
        with self._engine.connect() as connection:
            return [Entry(**row) for row in connection.execute(query).mappings()]
