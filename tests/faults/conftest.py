"""One home for all faults of a file: each begins where a night has ended well."""

from pathlib import Path

import pytest

from tests.faults.night import Nights


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Nights:
    made = Nights(tmp_path_factory.mktemp("nights"))
    first = made.night()
    assert first.code == 0, first.said
    assert made.champion == "1"
    return made


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.faults)
