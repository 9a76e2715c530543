"""From values on a known scale to linear expression."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from specformer.ranking._scale import LINEAR_SCALES, LOG_SCALES
from specformer.ranking._sums import dense_slices

if TYPE_CHECKING:
    from specformer.ranking._types import Block


def to_linear(X: Block, scale: str) -> Block:
    """Linear expression, float32 and not negative, from values on a known scale.

    Logs are inverted in float64 and rounded once; what lies below the log of zero expression (batch correction leaves
    such values) becomes zero.

    Parameters
    ----------
    X
        Samples x genes, dense or CSR.
    scale
        One of :data:`SCALES`, but not `"zscore"`.

    Returns
    -------
    Dense for dense, CSR for CSR; dense for `"toil"`, whose zeros are not zero.
    """
    if scale in LINEAR_SCALES:
        return X.astype(np.float32, copy=False)
    if scale == "toil":
        linear = np.empty(X.shape, np.float32)
        for rows, piece in dense_slices(X):
            values = np.exp2(piece.astype(np.float64)) - 0.001
            # Files round the logarithm, so that no expression comes back as +-1e-8.
            linear[rows] = np.where(values > 1e-6, values, 0)
        return linear
    if scale not in LOG_SCALES:
        msg = f"Values on scale {scale!r} cannot be made linear; expected one of {(*LINEAR_SCALES, *LOG_SCALES)}."
        raise ValueError(msg)
    inverse = np.expm1 if scale == "log1p" else _exp2m1
    if sparse.issparse(X):
        linear = X.astype(np.float32)
        linear.data = np.maximum(inverse(X.data.astype(np.float64)), 0).astype(np.float32)
        return linear
    linear = np.empty(X.shape, np.float32)
    for rows, piece in dense_slices(X):
        linear[rows] = np.maximum(inverse(piece.astype(np.float64)), 0)
    return linear


def _exp2m1(x: np.ndarray) -> np.ndarray:
    return np.exp2(x) - 1
