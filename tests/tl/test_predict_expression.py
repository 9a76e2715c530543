from __future__ import annotations

import pytest

import specformer as sf


def test_without_an_anchor_expression_needs_a_head(checkpoint, counts):
    if checkpoint.config.n_anchor:
        pytest.skip("has an anchor")
    with pytest.raises(ValueError, match="no linear anchor"):
        sf.tl.predict_expression(counts.copy(), model=checkpoint)
