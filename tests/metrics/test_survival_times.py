from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from sksurv.metrics import cumulative_dynamic_auc, integrated_brier_score
from sksurv.util import Surv

from specformer import metrics


@pytest.fixture
def cohort():
    """Exponential times of which the risk is the log hazard, a third censored; training and test."""
    rng = np.random.default_rng(0)
    risk = rng.standard_normal(500)
    time, censored = rng.exponential(np.exp(-risk)) * 100, rng.exponential(300, 500)
    event, time = time <= censored, np.minimum(time, censored).round(1) + 0.1
    return (event[:300], time[:300]), event[300:], time[300:], risk[300:]


def curves_of(risk, times):
    return np.exp(-np.exp(risk)[:, None] * np.asarray(times) / 100)


def test_figures_are_scikit_survivals(cohort):
    (event_train, time_train), event, time, risk = cohort
    times = [20, 50, 100]
    train, test = Surv.from_arrays(event_train, time_train), Surv.from_arrays(event, time)
    brier = metrics.integrated_brier(event_train, time_train, event, time, curves_of(risk, times), times=times)
    assert brier == pytest.approx(integrated_brier_score(train, test, curves_of(risk, times), times), abs=1e-12)
    areas, mean = metrics.cumulative_auc(event_train, time_train, event, time, risk, times=times)
    expected = cumulative_dynamic_auc(train, test, risk, times)
    np.testing.assert_allclose(areas, expected[0])
    assert mean == pytest.approx(expected[1])


def test_without_censoring_they_are_what_their_names_say():
    rng = np.random.default_rng(1)
    risk = rng.standard_normal(200)
    time, event, times = rng.exponential(np.exp(-risk)) * 100, np.ones(200, dtype=bool), np.array([30.0, 60.0])
    areas, _ = metrics.cumulative_auc(event, time, event, time, risk, times=times)
    np.testing.assert_allclose(areas, [roc_auc_score(time <= t, risk) for t in times])
    curves = curves_of(risk, times)
    by_time = ((curves - (time[:, None] > times)) ** 2).mean(axis=0)
    found = metrics.integrated_brier(event, time, event, time, curves, times=times)
    assert found == pytest.approx(by_time.mean())


def test_samples_followed_longer_than_training_are_censored_there(cohort):
    (event_train, time_train), event, time, risk = cohort
    late = time.copy()
    late[0] = 1e6
    event[0] = True
    areas, _ = metrics.cumulative_auc(event_train, time_train, event, late, risk, times=[50])
    event[0], late[0] = False, time_train.max()
    assert areas == metrics.cumulative_auc(event_train, time_train, event, late, risk, times=[50])[0]


def test_times_and_curves_that_cannot_be_are_refused(cohort):
    train, event, time, risk = cohort
    for times in ([50, 20], [20, 1e6], [0.0, 20], []):
        with pytest.raises(ValueError, match="expected increasing ones from"):
            metrics.cumulative_auc(*train, event, time, risk, times=times)
    curves = curves_of(risk, [20, 50])
    curves[3, 1] = np.nan
    with pytest.raises(ValueError, match="1 of 200 survival curves have missing values"):
        metrics.integrated_brier(*train, event, time, curves, times=[20, 50])
    with pytest.raises(ValueError, match="`curves` were given without `times`"):
        metrics.survival_table(event, time, risk, train=train, curves=curves)


def test_before_the_first_event_there_is_no_area():
    event, time = np.array([False, True, True, False]), np.array([1.0, 5, 6, 7])
    areas, mean = metrics.cumulative_auc(event, time, event, time, -time, times=[2, 5.5])
    assert np.isnan(areas[0])
    assert (areas[1], mean) == (1, 1)


def test_the_table_has_every_figure_and_its_interval(cohort):
    train, event, time, risk = cohort
    times, strata = [20, 50, 100], np.arange(200) % 2
    table = metrics.survival_table(
        event, time, risk, train=train, curves=curves_of(risk, times), times=times, strata=strata, n_boot=100
    ).set_index("metric")
    expected = {
        "harrell_c": metrics.harrell_c(event, time, risk),
        "ipcw_c": metrics.ipcw_c(*train, event, time, risk),
        "cumulative_auc": metrics.cumulative_auc(*train, event, time, risk, times=times)[1],
        "harrell_c_within": metrics.harrell_c_within(event, time, risk, strata),
        "integrated_brier": metrics.integrated_brier(*train, event, time, curves_of(risk, times), times=times),
    }
    assert table["value"].to_dict() == pytest.approx(expected)
    assert (table["low"] < table["value"]).all()
    assert (table["value"] < table["high"]).all()
    noise = np.random.default_rng(0).standard_normal(200)
    of_noise = metrics.survival_table(event, time, noise, train=train, n_boot=100).set_index("metric")
    for name in of_noise.index:
        assert of_noise.loc[name, "low"] < 0.5 < of_noise.loc[name, "high"]


def test_without_an_event_the_table_is_empty_handed():
    event, time = np.zeros(20, dtype=bool), np.arange(20.0) + 1
    table = metrics.survival_table(event, time, -time, train=(event, time), n_boot=5)
    assert table["value"].isna().all()
