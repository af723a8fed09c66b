import sys

import numpy as np
import pytest

from seqtag.baseline import write_baseline
from seqtag.baseline.crfsuite import confidence_of
from seqtag.errors import ConfigError


def test_a_missing_package_is_reported_with_the_command_to_install_it(toy, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pycrfsuite", None)
    with pytest.raises(ConfigError, match=r"pip install 'seqtag\[baseline\]'"):
        write_baseline(*toy, tmp_path / "predictions.parquet", algorithm="crfsuite-ap", seed=1)
    assert not (tmp_path / "predictions.parquet").exists()


def test_an_overflowed_marginal_counts_as_one():
    marginals = np.array([np.nan, np.inf, 1 + 1e-9, 0.5])
    np.testing.assert_array_equal(confidence_of(marginals), np.array([1, 1, 1, 0.5], np.float32))
