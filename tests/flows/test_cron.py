"""seqtag's check of cron expressions compared with Prefect's."""

from hypothesis import example, given, settings
from hypothesis import strategies as st
from prefect.server.schemas.schedules import CronSchedule

from seqtag.config.cron import checked_cron

NUMBERS = st.integers(0, 70).map(str)
NAMES = st.sampled_from(["jan", "DEC", "mon", "sun", "sat", "l", "l5", "?", "*", "", "h", "x"])
POINTS = NUMBERS | NAMES
SPANS = POINTS | st.tuples(POINTS, POINTS).map("-".join)
STEPS = SPANS | st.tuples(SPANS, st.sampled_from(["2", "15", "0", "x"])).map("/".join)
NTH = st.tuples(POINTS, st.integers(0, 6).map(str)).map("#".join)
FIELDS = st.lists(STEPS | NTH, min_size=1, max_size=3).map(",".join)
EASY = st.sampled_from(["0", "*", "1-5"])
CRONS = st.lists(EASY | FIELDS, min_size=4, max_size=6).map(" ".join)


def is_accepted(cron: str) -> bool:
    try:
        checked_cron(cron)
    except ValueError:
        return False
    return True


@settings(max_examples=2000, deadline=None)
@given(CRONS)
@example("0 0 1 1 7")
@example("0 0 l * *")
def test_prefect_accepts_every_cron_that_seqtag_accepts(cron: str) -> None:
    if is_accepted(cron):
        CronSchedule(cron=cron, timezone="UTC")


def ranges(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    span = st.tuples(number, number).map(lambda both: f"{min(both)}-{max(both)}")
    part = st.just("*") | number.map(str) | span
    stepped = st.tuples(st.just("*") | span, st.integers(1, 9).map(str)).map("/".join)
    return st.lists(part | stepped, min_size=1, max_size=3).map(",".join)


@settings(max_examples=500, deadline=None)
@given(st.tuples(ranges(0, 59), ranges(0, 23), ranges(1, 28), ranges(1, 12), ranges(0, 7)).map(" ".join))
def test_seqtag_accepts_every_ordinary_cron(cron: str) -> None:
    CronSchedule(cron=cron, timezone="UTC")
    assert is_accepted(cron)
