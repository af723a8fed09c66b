"""Cron expressions: valid ones, and the messages of invalid ones."""

from pathlib import Path

import pytest

from seqtag.config import load_tagger
from seqtag.config.cron import checked_cron
from seqtag.errors import ConfigError

TAGGER = 'name = "x"\n[[corpus.sources]]\nformat = "sample"\n[schedule]\n'


@pytest.mark.parametrize("key", ["cron", "watch", "monitor"])
@pytest.mark.parametrize(
    ("cron", "said"),
    [
        ("15 4 * *", "has 4 fields: expected minute, hour, day of the month, month and day of the week"),
        ("", "has 0 fields"),
        ("0 15 4 * * ?", "has 6 fields"),  # Quartz, with seconds in front
        ("60 4 * * *", "has an invalid minute: expected numbers from 0 to 59, ranges such as 0-59 or steps"),
        ("15 4 0 * *", "has an invalid day of the month: expected numbers from 1 to 31"),
        ("15 4 * abc *", "has an invalid month: expected numbers from 1 to 12 or jan, ..., ranges"),
        ("15 4 * * 8", "has an invalid day of the week: expected numbers from 0 to 7 or sun"),
        ("*/0 4 * * *", "has an invalid minute"),
        ("15 4,, * * *", "has an invalid hour"),
        ("15 4 * * 2,fri#1", "mixes 'fri#1' with other weekdays"),
        ("15 4 31 4,6 *", "never matches a day"),
        ("h 4 * * *", "has an invalid minute"),
        ("@reboot", "has 1 fields"),
    ],
)
def test_an_invalid_cron_is_refused_when_the_file_is_loaded(
    tmp_path: Path, key: str, cron: str, said: str
) -> None:
    path = tmp_path / "tagger.toml"
    path.write_text(f'{TAGGER}{key} = "{cron}"\n')
    with pytest.raises(ConfigError) as caught:
        load_tagger(path)
    assert f"tagger.toml: schedule.{key}: cron expression {said}" in str(caught.value)
    assert repr(cron) in str(caught.value)


@pytest.mark.parametrize(
    "cron",
    [
        *("0 2 * * *", "*/10 * * * *", "30 4 * * mon-fri", "5,35 8-18/2 1,15 JAN-mar 0", "0 0 L * *"),
        *("0 2 ? * 7", "0 2 * * fri-mon", "0 6 * * fri#1,mon#3", "0 6 * * l5", "0 0 29 2 *", "@daily"),
        *("10/20 * * * *", "0 22-4 * * *", "0 0 31 2 mon"),  # the last one matches every Monday of February
    ],
)
def test_valid_crons_are_accepted(cron: str) -> None:
    assert checked_cron(cron) == cron
