"""Shared home of the fault tests of a file: each starts after a successful retraining."""

from pathlib import Path

import pytest

from tests.faults.retraining import Retrainings


@pytest.fixture(scope="module")
def retrainings(tmp_path_factory: pytest.TempPathFactory) -> Retrainings:
    made = Retrainings(tmp_path_factory.mktemp("retrainings"))
    first = made.retrain()
    assert first.code == 0, first.output
    assert made.champion == "1"
    return made


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.faults)
