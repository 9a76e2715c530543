from __future__ import annotations

import numpy as np
import pytest
import torch

from specformer.train import Corpus, RankStore
from specformer.train._views import Views

N_GENES = 200
COMMUNALITY = np.linspace(0, 1, N_GENES)


def store(n_samples, genes, n_expressed, first=0):
    rng = np.random.default_rng(len(genes))
    ranks = np.array([rng.permutation(len(genes)) for _ in range(n_samples)], dtype=np.uint16)
    samples = np.array([f"sample{i}" for i in range(first, first + n_samples)])
    return RankStore(ranks, np.full(n_samples, n_expressed, np.int32), genes, samples, "x", "median")


@pytest.fixture
def corpus():
    return Corpus.of([store(12, np.arange(N_GENES), 150), store(8, np.arange(0, N_GENES, 2), 90, first=6)])


@pytest.fixture
def make_views(corpus):
    def make(*, min_genes=10, max_genes=40, designed=0.5, gene_shift=0.0):
        return Views(corpus, min_genes, max_genes, designed, gene_shift)

    return make


def draw(views, seed):
    return views.draw(np.arange(len(views.corpus)), COMMUNALITY, torch.Generator().manual_seed(seed))


def test_a_view_ranks_its_genes_among_themselves(corpus, make_views):
    sizes = set()
    for seed in range(30):
        view = draw(make_views(), seed)
        sizes.add(len(view.genes))
        which = 0 if (view.genes % 2).any() or view.samples.min() < 6 else 1
        whole = corpus.stores[which]
        columns = np.searchsorted(whole.genes, view.genes)
        ranks = whole.ranks[corpus.rows[view.samples, which]][:, columns]
        np.testing.assert_array_equal(view.ranks, ranks.argsort(axis=1).argsort(axis=1))
        np.testing.assert_array_equal(view.n_ordered, (ranks < whole.n_expressed[0]).sum(axis=1))
        assert (np.diff(view.genes) > 0).all()
    assert min(sizes) >= 10
    assert max(sizes) <= 40
    assert len(sizes) > 10


def test_all_samples_of_a_view_are_in_its_store(corpus, make_views):
    seen = {tuple(draw(make_views(), seed).samples) for seed in range(30)}
    assert seen == {tuple(range(12)), tuple(range(6, 14))}


def test_the_mean_number_of_genes(make_views):
    views = make_views(min_genes=10, max_genes=150)
    drawn = [len(views._draw_genes(0, COMMUNALITY, torch.Generator().manual_seed(seed))) for seed in range(800)]
    assert views.mean_n_genes == pytest.approx(np.mean(drawn), rel=0.1)
    assert make_views(min_genes=40).mean_n_genes == 40


def test_designed_views_have_genes_that_vary_together(make_views):
    def mean_communality(share):
        views, rng = make_views(designed=share), torch.Generator().manual_seed(0)
        return COMMUNALITY[np.concatenate([views._draw_genes(0, COMMUNALITY, rng) for _ in range(60)])].mean()

    assert mean_communality(0.0) == pytest.approx(COMMUNALITY.mean(), rel=0.05)
    assert mean_communality(1.0) > 1.08 * mean_communality(0.0)


def test_a_shift_moves_genes_alike_and_leaves_those_without_expression_last(make_views):
    ranks, n_ordered = np.tile(np.arange(N_GENES), (3, 1)), np.array([N_GENES, 150, 1])

    def order(gene_shift, seed):
        rng = torch.Generator().manual_seed(seed)
        return make_views(gene_shift=gene_shift)._shifted(ranks, n_ordered, N_GENES, rng).argsort(axis=1)

    np.testing.assert_array_equal(order(1e-9, 0), ranks)
    shifted = order(0.5, 0)
    assert (shifted[0] != ranks[0]).mean() > 0.9
    np.testing.assert_array_equal(shifted[1, 150:], ranks[1, 150:])
    np.testing.assert_array_equal(shifted[1, :150], [gene for gene in shifted[0] if gene < 150])
    assert (order(0.5, 1) != shifted).any()
