from __future__ import annotations

import numpy as np
import pytest

from specformer.bench import _perturb


def test_thinned_counts_have_the_depth_and_the_shares(cohorts):
    panel = cohorts["panel"][:20]
    drawn = _perturb.thinned(panel, 200_000, np.random.default_rng(0))
    np.testing.assert_array_equal(drawn.X, np.round(drawn.X))
    np.testing.assert_allclose(drawn.X.sum(axis=1), 200_000, rtol=0.02)
    expected = _perturb.linear(panel)
    expected = expected / expected.sum(axis=1, keepdims=True) * 200_000
    deviation = (drawn.X - expected) / np.sqrt(expected + 1e-9)
    assert deviation[expected > 5].std() == pytest.approx(1, abs=0.05)


def test_mixtures_lie_between_at_equal_quartiles(cohorts):
    panel = cohorts["panel"]
    tumours, normals = panel[:5], panel[300:305]
    half = _perturb.mixed(tumours, normals, 0.5).X
    pure, none = (_perturb.mixed(tumours, normals, share).X for share in (1.0, 0.0))
    np.testing.assert_allclose(half, (pure + none) / 2, rtol=1e-4)
    np.testing.assert_allclose(np.quantile(pure[0][pure[0] > 0], 0.75), 1, rtol=1e-4)


def test_genes_are_drawn_without_repeats_in_their_order(cohorts):
    panel = cohorts["panel"]
    genes = _perturb.draw_genes(panel, 0.25, np.random.default_rng(0))
    assert len(genes) == 60
    place = panel.var_names.get_indexer(genes)
    assert (np.diff(place) > 0).all()
