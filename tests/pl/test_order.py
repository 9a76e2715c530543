from __future__ import annotations

import numpy as np
import pytest

import specformer as sf


@pytest.fixture
def ordered(samples):
    sf.pp.tfidf_order(samples, weighting="expression")
    return samples


def test_each_group_is_led_by_its_own_genes(ordered):
    ax = sf.pl.order(ordered, n_genes=4)
    genes = [label.get_text() for label in ax.get_xticklabels()]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["ACC", "STAD", "UVM"]
    assert len(genes) == 12
    assert [int(gene[1:]) // 20 for gene in genes] == [0] * 4 + [1] * 4 + [2] * 4
    ranks = ordered.layers["tfidf_rank"].astype(float)
    is_stad = (ordered.obs["cancer_type"] == "STAD").to_numpy()
    shown = ax.images[0].get_array()
    np.testing.assert_allclose(shown[1, 0], np.median(ranks[is_stad, ordered.var_names.get_loc(genes[0])]) + 1)
    # A dot for each group and each of its leading genes.
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), np.repeat([0, 1, 2], 4))


def test_a_gene_that_leads_two_groups_stands_once(ordered):
    ordered.obs["half"] = np.repeat(["a", "b"], 15)
    ordered.layers["tfidf_rank"][:] = np.arange(60)
    ax = sf.pl.order(ordered, "half", n_genes=3)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["G00", "G01", "G02"]
    assert len(ax.lines[0].get_xdata()) == 6


def test_approved_symbols_where_they_are_known(ordered):
    ordered.var["gene_id"] = ["", *[f"S{i}" for i in range(1, 60)]]
    ordered.layers["tfidf_rank"][:] = np.arange(60)
    ax = sf.pl.order(ordered, groups=["UVM"], n_genes=2)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["G00", "S1"]


def test_what_is_not_there(samples):
    with pytest.raises(KeyError, match=r"sf\.pp\.tfidf_order"):
        sf.pl.order(samples)


def test_picture(ordered, small_axes, looks_like):
    looks_like(sf.pl.order(ordered, n_genes=6, ax=small_axes), "order")
