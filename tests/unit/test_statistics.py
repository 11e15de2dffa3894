import numpy as np
import pytest

from pbdl_utils.statistics import bootstrap_interval, convergence_order


def test_bootstrap_interval_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(200):
        low, high = bootstrap_interval(rng.normal(size=40), resamples=500)
        hits += low < 0 < high
    assert 0.88 < hits / 200 < 0.99  # 95 % nominal; percentile intervals are slightly short


def test_bootstrap_interval_narrows_like_one_over_root_n():
    rng = np.random.default_rng(1)
    widths = [np.diff(bootstrap_interval(rng.normal(size=n)))[0] for n in (50, 800)]
    assert widths[0] / widths[1] == pytest.approx(4, rel=0.4)


def test_convergence_order_of_a_power_law():
    steps = np.array([0.1, 0.05, 0.025])
    assert convergence_order(steps, 3 * steps**2) == pytest.approx(2.0, abs=1e-12)


@pytest.mark.parametrize("values", [[1.0, 2.0], [1.0, float("nan"), 2.0], np.ones((3, 3))])
def test_bootstrap_refuses_what_has_no_spread(values):
    with pytest.raises(ValueError, match="at least three finite values"):
        bootstrap_interval(values)


def test_other_errors():
    with pytest.raises(ValueError, match="between 0 and 1"):
        bootstrap_interval([1.0, 2.0, 3.0], confidence=95)
    with pytest.raises(ValueError, match="two equal lists"):
        convergence_order([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="positive"):
        convergence_order([1.0, 2.0], [1.0, 0.0])
