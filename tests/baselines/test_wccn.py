from __future__ import annotations

import numpy as np

from specformer.baselines import wccn_projection


def test_projection_is_the_inverse_square_root():
    differences = np.random.default_rng(0).standard_normal((50, 4)) * [3, 1, 0.5, 0]
    projection = wccn_projection(differences, 2.0)
    within = differences.T @ differences / 50 + 0.05 * 2.0 * np.eye(4)
    np.testing.assert_allclose(projection @ within @ projection, np.eye(4), atol=1e-10)


def test_the_direction_of_the_scheme_is_shrunk():
    rng = np.random.default_rng(0)
    first = rng.standard_normal((100, 5))
    second = first + np.array([0, 0, 4, 0, 0])
    projection = wccn_projection(first - second, 1.0)
    before, after = (
        np.linalg.norm(a - b, axis=1).mean() for a, b in ((first, second), (first @ projection, second @ projection))
    )
    scale = np.linalg.norm((first @ projection)[:, [0, 1, 3, 4]]) / np.linalg.norm(first[:, [0, 1, 3, 4]])
    assert after / scale < before / 10
