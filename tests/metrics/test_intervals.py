from __future__ import annotations

import numpy as np
import pytest

from specformer import metrics


def test_patients_are_drawn_whole():
    patients = np.array(["p", "q", "p", "r", "q", "p"])
    for rows in metrics.patient_draws(patients, n_boot=50, rng=3):
        drawn, times = np.unique(rows, return_counts=True)
        for patient in "pqr":
            theirs = np.flatnonzero(patients == patient)
            counts = times[np.isin(drawn, theirs)]
            assert len(counts) in (0, len(theirs))
            assert len(set(counts)) <= 1


def test_draws_repeat_for_the_same_seed_and_differ_for_another():
    first, again, other = (metrics.patient_draws(np.arange(40), n_boot=5, rng=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_width_follows_the_number_of_patients_not_of_samples():
    rng = np.random.default_rng(0)
    hits = np.repeat(rng.random(100) < 0.7, 10)
    per_sample = metrics.interval(lambda r: hits[r].mean(), metrics.patient_draws(np.arange(1000), rng=0), 1000)
    per_patient = metrics.interval(
        lambda r: hits[r].mean(), metrics.patient_draws(np.repeat(np.arange(100), 10), rng=0), 1000
    )
    expected = 2 * 1.96 * np.sqrt(hits.mean() * (1 - hits.mean()) / np.array([1000, 100]))
    assert per_sample.high - per_sample.low == pytest.approx(expected[0], rel=0.15)
    assert per_patient.high - per_patient.low == pytest.approx(expected[1], rel=0.15)


def test_paired_difference_of_the_same_figure_is_exactly_zero():
    hits = np.random.default_rng(0).random(60) < 0.5
    draws = metrics.patient_draws(np.arange(60), n_boot=100)
    assert metrics.paired_interval(lambda r: hits[r].mean(), lambda r: hits[r].mean(), draws, 60) == (0, 0, 0)


def test_pairing_is_narrower_than_two_intervals():
    rng = np.random.default_rng(0)
    base = rng.random(300)
    better = base + 0.05 + 0.01 * rng.standard_normal(300)
    draws = metrics.patient_draws(np.arange(300), n_boot=300)
    difference = metrics.paired_interval(lambda r: better[r].mean(), lambda r: base[r].mean(), draws, 300)
    alone = metrics.interval(lambda r: better[r].mean(), draws, 300)
    assert 0 < difference.low < difference.high < 0.06
    assert difference.high - difference.low < (alone.high - alone.low) / 5


def test_draws_without_a_figure_are_left_out():
    def undefined_without_the_first(rows):
        return 1.0 if 0 in rows else np.nan

    draws = metrics.patient_draws(np.arange(3), n_boot=50)
    assert any(0 not in rows for rows in draws)
    assert metrics.interval(undefined_without_the_first, draws, 3) == (1, 1, 1)
    assert np.isnan(metrics.interval(lambda rows: np.nan, draws, 3)).all()
