"""Notices of monitoring: a report is news if its verdict or its alarms changed."""

from __future__ import annotations

import pytest

from seqtag import steps
from seqtag.artifacts import write_json
from seqtag.errors import RunDirError
from seqtag.monitoring import DriftReport, Statistic
from seqtag.monitoring.drift_verdict import VerdictName
from seqtag.run_dir import MonitorReport


@pytest.mark.parametrize(
    ("verdict", "alarm", "expected"),
    [("steady", False, False), ("warn", False, True), ("warn", True, True)],
)
def test_a_first_report_is_news_unless_all_is_steady(tmp_path, verdict, alarm, expected) -> None:
    assert steps.is_new_verdict(reported(tmp_path, "2026-02-01", verdict, alarm=alarm)) is expected


def test_a_report_is_news_if_it_differs_from_the_previous_one(tmp_path) -> None:
    steps.record_notified(reported(tmp_path, "2026-02-01", "warn"))
    assert not steps.is_new_verdict(reported(tmp_path, "2026-02-02", "warn"))
    assert steps.is_new_verdict(reported(tmp_path, "2026-02-03", "warn", alarm=True))
    steps.record_notified(reported(tmp_path, "2026-02-03", "warn", alarm=True))
    assert not steps.is_new_verdict(reported(tmp_path, "2026-02-03", "warn", alarm=True))  # same day
    assert steps.is_new_verdict(reported(tmp_path, "2026-02-04", "steady"))


def test_a_notice_in_the_format_of_earlier_versions_is_compared(tmp_path) -> None:
    report = reported(tmp_path, "2026-02-02", "warn", alarm=True)
    notice = {"verdict": "warn", "rule": "drift", "alarms": [["snapshot", "tags", "PSI"]], "ages": []}
    write_json(report.last_notice, notice)
    assert not steps.is_new_verdict(report)
    write_json(report.last_notice, notice | {"alarms": []})
    assert steps.is_new_verdict(report)


@pytest.mark.parametrize("text", ['{"format": "last_notice/0", "verdict": "warn"}', '{"verdict": "ok"}', "{"])
def test_a_notice_of_another_version_counts_as_none(tmp_path, text: str) -> None:
    warned, steady = (reported(tmp_path, f"2026-02-0{i}", v) for i, v in ((2, "warn"), (3, "steady")))
    warned.last_notice.write_text(text)
    assert steps.is_new_verdict(warned)
    assert not steps.is_new_verdict(steady)


def test_a_notice_that_cannot_be_read_is_an_error(tmp_path) -> None:
    """It may be readable the next time; to count it as none would repeat the notice."""
    report = reported(tmp_path, "2026-02-02", "warn")
    report.last_notice.mkdir()
    with pytest.raises(RunDirError, match=r"last_notice\.json: cannot be read") as refused:
        steps.is_new_verdict(report)
    assert isinstance(refused.value.__cause__, OSError)


def reported(folder, day: str, verdict: VerdictName, *, alarm: bool = False) -> MonitorReport:
    report = MonitorReport(folder / "toy" / f"{day}-abc")
    report.path.mkdir(parents=True, exist_ok=True)
    statistic = Statistic(
        origin="snapshot",
        name="tags",
        measure="PSI",
        where="O",
        reference=0.5,
        current=0.5,
        value=0.1,
        threshold=0.2,
        reference_support=100,
        current_support=100,
        unit="tokens",
        fixable=True,
        alarms=alarm,
    )
    DriftReport(
        tagger="toy",
        as_of=day,
        snapshot_id="abc",
        champion=None,
        compared="all",
        verdict=verdict,
        rule="drift",
        sentence="",
        ages=(),
        statistics=(statistic,),
        noise_floor=None,
        profiles={},
    ).save(report.drift)
    return report
