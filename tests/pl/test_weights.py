from __future__ import annotations

import numpy as np
import pytest

import specformer as sf


@pytest.fixture
def partly(samples):
    """40 genes in every sample, 5 in all but one, 15 in a third."""
    samples.X[:, :40] += 1
    samples.X[0, 40:45] = 0
    samples.X[1:, 40:45] += 1
    samples.X[:, 45:] = 0
    samples.X[:10, 45:] = 3
    return samples


def test_the_published_formula_has_weights_of_every_sign(partly):
    sf.pp.tfidf_order(partly)
    ax = sf.pl.weights(partly)
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["negative: 40 genes (67%)", "zero: 5 genes (8%)", "positive: 15 genes (25%)"]
    places = [collection.get_offsets().tolist()[0] for collection in ax.collections]
    np.testing.assert_allclose(
        places, [[100, np.log(30 / 31)], [100 * 29 / 30, 0], [100 / 3, np.log(30 / 11)]], atol=1e-6
    )
    assert len({tuple(collection.get_facecolor()[0]) for collection in ax.collections}) == 3
    # The area is the number of genes.
    negative, _, positive = (collection.get_sizes()[0] - 6 for collection in ax.collections)
    assert negative / positive == pytest.approx(40 / 15)
    assert ax.get_xlabel() == "samples that express the gene (% of 30)"


def test_another_weighting_under_another_name(partly):
    sf.pp.tfidf_order(partly, weighting="tfidf_smooth", key_added="smooth")
    ax = sf.pl.weights(partly, rank_key="smooth")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["positive: 60 genes (100%)"]
    assert ax.get_legend().get_title().get_text() == "weighting 'tfidf_smooth'"
    with pytest.raises(KeyError, match=r"sf\.pp\.tfidf_order"):
        sf.pl.weights(partly)


def test_wide_factors_are_on_a_logarithm(partly):
    partly.X[:, 0] = 1e5
    sf.pp.tfidf_order(partly, weighting="median")
    ax = sf.pl.weights(partly)
    assert (ax.get_ylabel(), ax.get_yscale()) == ("weight of the gene", "log")


def test_picture(partly, small_axes, looks_like):
    sf.pp.tfidf_order(partly)
    looks_like(sf.pl.weights(partly, ax=small_axes), "weights")
