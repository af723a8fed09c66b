from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqtag.errors import PromotionConflictError
from seqtag.registry import Registry
from tests.registry_decisions import promote

Results = Callable[..., dict[str, Any]]


@pytest.mark.slow
def test_a_store_on_postgresql_behaves_like_one_on_sqlite(
    postgres_url: str, tmp_path: Path, results: Results
) -> None:
    registry = Registry(postgres_url, tmp_path / "artifacts")
    assert registry.champion("sample") is None
    first = registry.register("sample", **results("2026-11-21-a"))
    assert registry.register("sample", **results("2026-11-21-a")) == first
    promote(registry, "sample", "1", expected_champion=None)
    registry.register("sample", **results("2026-11-22-a"))
    with pytest.raises(PromotionConflictError, match=r"champion has changed since .*, got version 1"):
        promote(registry, "sample", "2", expected_champion=None)
    promote(registry, "sample", "2", expected_champion="1")
    champion = Registry(postgres_url, tmp_path / "artifacts").champion("sample")
    assert champion is not None
    assert (champion.version, champion.seqtag_run_id) == ("2", "2026-11-22-a")
    assert [v.aliases for v in registry.versions("sample")] == [("previous",), ("challenger", "champion")]
    registry.check()
