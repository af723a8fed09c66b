"""The ledger: who let what serve, kept from what, and took back what. It is only ever added to."""

from __future__ import annotations

from dataclasses import asdict

import sqlalchemy as sa

from seqtag.registry.ledger_table import ledger, make_table
from seqtag.registry.types import EVERYTHING, MOVES, Entry, Event, RecordedComparison


class Ledger:
    """The entries of all taggers in one database.

    Each tagger's are numbered from 1. A writer says the number that its entry is to have, so that of two who
    looked at the same entries only one can write.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def prepare(self) -> None:
        """Make the table where there is none."""
        make_table(self._engine)

    def entries(self, tagger: str) -> list[Entry]:
        """Return all entries, oldest first."""
        return self._found(tagger)

    def length(self, tagger: str) -> int:
        """Return the number of the newest entry, 0 if there is none."""
        newest = self._found(tagger, newest=True)
        return newest[0].entry if newest else 0

    def standing(self, tagger: str) -> Entry | None:
        """Return the newest entry that let a version serve."""
        found = self._found(tagger, ledger.c.event.in_(MOVES), newest=True)
        return found[0] if found else None

    def judged(self, tagger: str, version: str) -> Entry | None:
        """Return the newest judgement of a version."""
        judgements = (Event.PROMOTE, Event.HOLD, Event.REJECT)
        of_version = (ledger.c.to_version == version, ledger.c.event.in_(judgements))
        found = self._found(tagger, *of_version, newest=True)
        return found[0] if found else None

    def predecessor(self, tagger: str, version: str) -> str | None:
        """Return the version that this one took the place of when it was last promoted or adopted."""
        of_version = (ledger.c.to_version == version, ledger.c.event.in_((Event.PROMOTE, Event.ADOPT)))
        found = self._found(tagger, *of_version, newest=True)
        return found[0].from_version if found else None

    def comparisons(self, tagger: str) -> list[RecordedComparison]:
        """Return the comparisons of challengers with champions, oldest first, each once.

        One that was made again at a higher error level has spent that.
        """
        spent: dict[str, float] = {}
        for entry in self._found(tagger, ledger.c.evidence != ""):
            spent[entry.evidence] = max(entry.spent, spent.get(entry.evidence, 0.0))
        return [RecordedComparison(evidence, most) for evidence, most in spent.items()]

    def holds(self, tagger: str) -> list[Entry]:
        """Return the entries whose holds are in force, oldest first."""
        released = self._found(tagger, ledger.c.event == Event.RELEASE, newest=True)
        since = released[0].entry if released else 0
        return self._found(tagger, ledger.c.holds.is_not(None), ledger.c.entry > since)

    def hold(self, tagger: str, lineage: str) -> Entry | None:
        """Return the newest entry whose hold keeps a lineage from serving."""
        found = [entry for entry in self.holds(tagger) if entry.holds in (lineage, EVERYTHING)]
        return found[-1] if found else None

    def append(self, entry: Entry) -> bool:
        """Add an entry; False if another one has that number already."""
        try:
            with self._engine.begin() as connection:
                connection.execute(ledger.insert().values(asdict(entry)))
        except sa.exc.IntegrityError:
            if self.length(entry.tagger) < entry.entry:  # it was refused for something else
                raise
            return False
        return True

    def _found(self, tagger: str, *conditions: sa.ColumnElement[bool], newest: bool = False) -> list[Entry]:
        query = sa.select(ledger).where(ledger.c.tagger == tagger, *conditions)
        order = ledger.c.entry.desc() if newest else ledger.c.entry
        query = query.order_by(order).limit(1) if newest else query.order_by(order)
        with self._engine.connect() as connection:
            return [Entry(**row) for row in connection.execute(query).mappings()]
