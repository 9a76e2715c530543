from __future__ import annotations

import numpy as np
import pytest

from specformer import metrics


def test_pearson_equals_numpy_by_row_and_by_column():
    rng = np.random.default_rng(0)
    Y = rng.standard_normal((7, 5))
    P = Y + rng.standard_normal((7, 5))
    np.testing.assert_allclose(
        metrics.samplewise_pearson(Y, P), [np.corrcoef(a, b)[0, 1] for a, b in zip(Y, P, strict=True)]
    )
    np.testing.assert_allclose(
        metrics.columnwise_pearson(Y, P), [np.corrcoef(a, b)[0, 1] for a, b in zip(Y.T, P.T, strict=True)]
    )


def test_constant_is_nan_and_other_shapes_are_refused():
    found = metrics.samplewise_pearson([[1, 2, 3], [1, 2, 3]], [[5, 5, 5], [1, 2, 3]])
    assert np.isnan(found[0])
    assert found[1] == pytest.approx(1)
    with pytest.raises(ValueError, match="shape"):
        metrics.samplewise_pearson(np.ones((2, 3)), np.ones((3, 2)))


def test_mean_absolute_error():
    assert metrics.mean_absolute_error([[0, 1]], [[2, 0]]) == 1.5
