"""The quantiles of Student's t against scipy's."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest

from mlaudit.domain.student import MOST, quantile


@pytest.mark.parametrize("alpha", [0.5, 0.4, 0.2, 0.1, 0.05, 0.025, 0.01, 0.05 / 30, 1e-4, 1e-6, 1e-9])
def test_all_degrees_of_freedom_give_what_scipy_gives(alpha: float) -> None:
    """As near as 1 − α, which is what scipy is handed, tells α itself."""
    from scipy.special import stdtrit

    freedoms = [*range(1, 200), 301, 500, 999, MOST - 1, MOST]
    for df in freedoms:
        expected = float(stdtrit(df, 1 - alpha))
        assert quantile(alpha, df) == pytest.approx(expected, rel=1e-11 + 1e-15 / alpha, abs=1e-12), df


def test_the_lower_half_mirrors_the_upper() -> None:
    assert quantile(0.95, 7) == pytest.approx(-quantile(0.05, 7), rel=1e-12)


@pytest.mark.parametrize("df", [2.5, MOST + 1, 123456])
def test_other_degrees_of_freedom_are_scipys(df: float) -> None:
    from scipy.special import stdtrit

    assert quantile(0.05, df) == float(stdtrit(df, 0.95))


def test_no_end_of_freedom_is_the_normal_quantile() -> None:
    assert quantile(0.05, math.inf) == pytest.approx(1.6448536269514722)


def test_usual_quantiles_do_not_import_scipy() -> None:
    code = (
        "import sys; from mlaudit.domain.student import quantile; quantile(0.05, 4); sys.exit('scipy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
