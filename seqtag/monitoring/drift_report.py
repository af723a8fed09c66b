"""Drift report (drift.json): verdict, statistics and profiles; and the notice that was sent last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal, Self

from seqtag.config import MonitorConfig, TaggerConfig
from seqtag.monitoring.block_bootstrap import Unit
from seqtag.monitoring.drift import Origin, ProfilePair, Statistic, compare
from seqtag.monitoring.drift_verdict import VerdictName, judge_drift
from seqtag.monitoring.period_profile import ProfileSummary
from seqtag.monitoring.staleness import AgeAlarm
from seqtag.monitoring.thresholds import resamples_for
from seqtag.records import Record

Compared = Literal["all", "new"]  # the whole snapshot, or what is new in it


@dataclass(frozen=True)
class MonitoredChampion:
    """The champion whose data is the reference."""

    version: str
    run_id: str
    snapshot_id: str


@dataclass(frozen=True)
class DrawnFrom:
    """The part of the reference that simulated periods are drawn from."""

    unit: Unit
    periods: tuple[str, ...]  # dated ones, empty if the reference is divided at random


@dataclass(frozen=True)
class NoiseFloor:
    """The simulation behind the thresholds."""

    quantile: float  # shared by all statistics, in [0, 1]
    resamples: int  # simulated periods
    drawn_from: Mapping[Origin, DrawnFrom]


@dataclass(frozen=True)
class ProfileSides:
    """Profiles of both sides of a comparison."""

    reference: ProfileSummary
    current: ProfileSummary
    arrived: ProfileSummary | None = None  # all new data, if `current` omits repeats


@dataclass(frozen=True)
class DriftReport(Record):
    """drift.json.

    verdict, rule, sentence   see `DriftVerdict`
    champion                  None: there is none, so that nothing was compared
    noise_floor               None: nothing was compared
    """

    FORMAT: ClassVar[str] = "drift/1"

    tagger: str
    as_of: str  # ISO date
    snapshot_id: str
    champion: MonitoredChampion | None
    compared: Compared | Literal["nothing"]
    verdict: VerdictName
    rule: str
    sentence: str
    ages: tuple[AgeAlarm, ...]
    statistics: tuple[Statistic, ...]
    noise_floor: NoiseFloor | None
    profiles: Mapping[Origin, ProfileSides]


@dataclass(frozen=True)
class LastNotice(Record):
    """last_notice.json: the findings that people were last notified of, without their numbers."""

    FORMAT: ClassVar[str] = "last_notice/1"

    verdict: VerdictName
    rule: str
    alarms: tuple[tuple[Origin, str, str], ...]  # origin, name and measure of each statistic, sorted
    ages: tuple[str, ...]  # names

    @classmethod
    def of(cls, drift: DriftReport) -> Self:
        """Return the findings of a report."""
        alarms = sorted((s.origin, s.name, s.measure) for s in drift.statistics if s.alarms)
        return cls(drift.verdict, drift.rule, tuple(alarms), tuple(age.name for age in drift.ages))


def drift_findings(
    comparisons: Sequence[ProfilePair],
    ages: Sequence[AgeAlarm],
    *,
    champion: MonitoredChampion,
    compared: Compared,
    snapshot_id: str,
    as_of: date,
    config: TaggerConfig,
) -> DriftReport:
    """Compare new data with the reference, and judge the drift."""
    statistics = compare(comparisons, config=config.monitor, seed=config.seed)
    verdict = judge_drift(comparisons, statistics, ages, config=config.monitor)
    return DriftReport(
        tagger=config.name,
        as_of=as_of.isoformat(),
        snapshot_id=snapshot_id,
        champion=champion,
        compared=compared,
        verdict=verdict.verdict,
        rule=verdict.rule,
        sentence=verdict.sentence,
        ages=tuple(ages),
        statistics=statistics,
        noise_floor=_noise_floor(comparisons, len(statistics), config.monitor),
        profiles={c.origin: _sides(c) for c in comparisons},
    )


def without_champion(*, snapshot_id: str, as_of: date, config: TaggerConfig) -> DriftReport:
    """Return the report if there is no champion to compare with."""
    return DriftReport(
        tagger=config.name,
        as_of=as_of.isoformat(),
        snapshot_id=snapshot_id,
        champion=None,
        compared="nothing",
        verdict="retrain",
        rule="no_champion",
        sentence="There is no champion to compare with; a retraining will produce the first one.",
        ages=(),
        statistics=(),
        noise_floor=None,
        profiles={},
    )


def _noise_floor(comparisons: Sequence[ProfilePair], n_statistics: int, config: MonitorConfig) -> NoiseFloor:
    return NoiseFloor(
        quantile=config.quantile,
        resamples=resamples_for(config.quantile, n_statistics=n_statistics, at_least=config.resamples),
        drawn_from={
            c.origin: DrawnFrom(
                c.reference.blocks.unit, tuple(name for name in c.reference.blocks.periods if name)
            )
            for c in comparisons
        },
    )


def _sides(pair: ProfilePair) -> ProfileSides:
    arrived = None if pair.arrived is None else pair.arrived.summary()
    return ProfileSides(pair.reference.summary(), pair.current.summary(), arrived)
