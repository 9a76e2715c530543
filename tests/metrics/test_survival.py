from __future__ import annotations

import numpy as np
import pytest
from sksurv.metrics import concordance_index_censored, concordance_index_ipcw
from sksurv.util import Surv

from specformer import metrics


@pytest.fixture
def cohort():
    rng = np.random.default_rng(0)
    risk = rng.standard_normal(300).round(1)
    time = np.ceil(rng.exponential(np.exp(-risk)) * 20)
    return rng.random(300) < 0.6, time, risk, rng.integers(4, size=300)


def brute_force(event, time, risk, strata):
    right = pairs = 0.0
    for i in np.flatnonzero(event):
        later = (strata == strata[i]) & ((time > time[i]) | ((time == time[i]) & ~event))
        right += (risk[later] < risk[i]).sum() + (risk[later] == risk[i]).sum() / 2
        pairs += later.sum()
    return right / pairs


def test_pooled_equals_scikit_survival_with_ties(cohort):
    event, time, risk, _ = cohort
    assert metrics.harrell_c(event, time, risk) == pytest.approx(concordance_index_censored(event, time, risk)[0])


def test_within_counts_only_pairs_of_one_stratum(cohort):
    assert metrics.harrell_c_within(*cohort) == pytest.approx(brute_force(*cohort), abs=1e-12)


def test_telling_strata_apart_helps_pooled_and_not_within():
    rng = np.random.default_rng(1)
    strata = np.repeat([0, 1], 400)
    time, event = rng.exponential(np.where(strata, 1, 10)), np.ones(800, dtype=bool)
    assert metrics.harrell_c(event, time, strata) > 0.7
    assert metrics.harrell_c_within(event, time, strata, strata) == 0.5


def test_no_comparable_pair_is_nan_and_strata_without_one_are_skipped():
    assert np.isnan(metrics.harrell_c([False, False], [1, 2], [0, 1]))
    assert np.isnan(metrics.harrell_c_within([True, True], [1, 2], [0, 1], ["a", "b"]))
    assert (
        metrics.harrell_c_within([True, True, False, True, True], [1, 2, 3, 5, 5], [2, 1, 9, 9, 9], list("aabcc")) == 1
    )


def test_ipcw_equals_scikit_survival(cohort):
    event, time, risk, _ = cohort
    train, test = slice(0, 200), slice(200, 300)
    event[time.argmax()] = False
    expected = concordance_index_ipcw(
        Surv.from_arrays(event[train], time[train]), Surv.from_arrays(event[test], time[test]), risk[test], tau=30
    )[0]
    found = metrics.ipcw_c(event[train], time[train], event[test], time[test], risk[test], tau=30)
    assert found == pytest.approx(expected)


def test_ipcw_bears_follow_up_longer_than_in_training():
    rng = np.random.default_rng(0)
    time = rng.exponential(1, 60)
    found = metrics.ipcw_c(rng.random(60) < 0.7, np.minimum(time, 1), np.ones(60, dtype=bool), time * 3, -time)
    assert found == pytest.approx(1)
