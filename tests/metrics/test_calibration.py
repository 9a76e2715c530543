from __future__ import annotations

import numpy as np
import pytest

from specformer import metrics


def test_known_gap():
    proba = np.tile([0.8, 0.2], (10, 1))
    assert metrics.expected_calibration_error(["a"] * 8 + ["b"] * 2, proba, ["a", "b"]) == pytest.approx(0)
    assert metrics.expected_calibration_error(["a"] * 5 + ["b"] * 5, proba, ["a", "b"]) == pytest.approx(0.3)


def test_over_and_under_confidence_do_not_cancel_between_bins():
    proba = np.array([[0.95, 0.05]] * 10 + [[0.55, 0.45]] * 10)
    y_true = ["a"] * 7 + ["b"] * 3 + ["a"] * 8 + ["b"] * 2
    assert metrics.expected_calibration_error(y_true, proba, ["a", "b"]) == pytest.approx(0.25)


def test_certainty_falls_into_the_last_bin():
    assert metrics.expected_calibration_error(["a"], np.array([[1.0, 0.0]]), ["a", "b"]) == 0
