from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ortho_group

from specformer import metrics


def test_centroids_are_means_in_label_order():
    names, means = metrics.centroids([[1, 0], [3, 0], [0, 5]], ["b", "b", "a"])
    assert list(names) == ["a", "b"]
    np.testing.assert_array_equal(means, [[0, 5], [2, 0]])


def test_nearest_centroid_goes_by_direction():
    found = metrics.nearest_centroid([[1, 0.1], [0, 1]], ["x", "y"], [[50, 1], [0.1, 0.2]])
    assert list(found) == ["x", "y"]


def test_noise_is_chance():
    rng = np.random.default_rng(0)
    labels = rng.integers(5, size=1000)
    found = metrics.nearest_centroid(rng.standard_normal((1000, 30)), labels, rng.standard_normal((1000, 30)))
    assert metrics.accuracy(labels, found) == pytest.approx(0.2, abs=0.04)


def test_procrustes_sees_through_rotation_scale_and_shift_and_extra_dimensions():
    rng = np.random.default_rng(0)
    A = rng.standard_normal((6, 4))
    B = 3 * A @ ortho_group.rvs(4, random_state=0) + 7
    assert metrics.procrustes(A, B) == pytest.approx(0, abs=1e-12)
    assert metrics.procrustes(A, np.pad(B, ((0, 0), (0, 5)))) == pytest.approx(0, abs=1e-12)
    assert 0.1 < metrics.procrustes(A, rng.standard_normal((6, 4))) <= 1
