from __future__ import annotations

import numpy as np
import pytest

from specformer.baselines import ssgsea


def walk(values, members, weight=0.25):
    """The definition: go down the ranking, sum up how far members run ahead of the others."""
    n = len(values)
    order = np.argsort(-values)
    hit = np.isin(order, members)
    step_in = np.where(hit, np.arange(n, 0, -1.0) ** weight, 0)
    step_out = (~hit).astype(float)
    return (np.cumsum(step_in / step_in.sum()) - np.cumsum(step_out / step_out.sum())).sum() / n


def test_closed_form_equals_the_walk():
    rng = np.random.default_rng(0)
    X, genes = rng.standard_normal((6, 40)), [f"g{i}" for i in range(40)]
    sets = {f"s{k}": list(rng.choice(genes, k, replace=False)) for k in (1, 3, 10, 30)}
    found = ssgsea(X, genes, sets)
    for name, chosen in sets.items():
        members = [genes.index(gene) for gene in chosen]
        np.testing.assert_allclose(found[name], [walk(row, members) for row in X], atol=1e-12)


def test_a_set_at_the_top_scores_high_and_at_the_bottom_low():
    found = ssgsea(np.arange(20.0)[None], [f"g{i}" for i in range(20)], {"top": ["g19", "g18"], "low": ["g0", "g1"]})
    assert found["top"].item() > 0.4
    assert found["low"].item() < -0.4


def test_only_the_order_counts_and_a_sample_does_not_see_the_others():
    X, genes = np.random.default_rng(0).gamma(1.0, size=(5, 30)), [f"g{i}" for i in range(30)]
    sets = {"a": genes[:5], "b": genes[20:]}
    whole = ssgsea(X, genes, sets)
    np.testing.assert_allclose(ssgsea(np.log(X), genes, sets), whole)
    np.testing.assert_allclose(ssgsea(X[2:3], genes, sets), whole.iloc[2:3])


def test_genes_not_at_hand_are_passed_over_and_sets_too_small_left_out():
    X = np.random.default_rng(0).random((2, 4))
    found = ssgsea(X, list("abcd"), {"kept": ["a", "b", "z"], "small": ["a", "z"], "all": list("abcd")}, min_size=2)
    assert list(found) == ["kept"]
    with pytest.raises(ValueError, match="No set"):
        ssgsea(X, list("abcd"), {"none": ["z"]})
