from __future__ import annotations

import numpy as np
import pytest

from specformer import metrics


def test_labels_are_found_in_vectors_that_carry_them_and_not_in_noise():
    rng = np.random.default_rng(0)
    labels = rng.choice(["a", "b", "c"], 240)
    patients = np.arange(240) // 2
    signal = (labels[:, None] == np.array(["a", "b", "c"])) + 0.05 * rng.standard_normal((240, 3))
    assert metrics.accuracy(labels, metrics.linear_probe(signal, labels, patients)) == 1
    noise = metrics.linear_probe(rng.standard_normal((240, 10)), labels, patients)
    assert metrics.accuracy(labels, noise) == pytest.approx(1 / 3, abs=0.1)


def test_a_patient_is_never_on_both_sides():
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(60), 4)
    labels = np.where(rng.random(60) < 0.5, "a", "b")[patients]
    who_one_is = np.eye(60)[patients]
    assert metrics.accuracy(labels, metrics.linear_probe(who_one_is, labels, patients)) < 0.7
