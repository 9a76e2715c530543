from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from specformer.genes import N_SPECIAL, GeneVocabulary
from specformer.model import GenePanel, SpecformerForSamples
from specformer.ranking import normal_scores, panel_quantile

N_GENES = 60


@pytest.fixture
def vocabulary() -> GeneVocabulary:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "ensembl": [f"ENSG{i:011d}" for i in range(N_GENES)],
            "scale": rng.random(N_GENES),
            "score_mean": rng.normal(size=N_GENES) / 2,
            "score_sd": rng.uniform(0.3, 1, N_GENES),
        }
    )
    return GeneVocabulary.from_table(table, weighting="median", n_obs=7)


@pytest.fixture
def model(anchored) -> SpecformerForSamples:
    anchored.weighting = "median"
    model = SpecformerForSamples(anchored).eval()
    model.set_anchor(torch.randn(N_GENES, 8), torch.randn(8, 6))
    torch.nn.init.normal_(model.residual.out.weight)
    return model


@pytest.fixture
def samples() -> tuple[np.ndarray, np.ndarray]:
    """Ranks of four samples, and how many genes of each are expressed."""
    rng = np.random.default_rng(1)
    return np.stack([rng.permutation(N_GENES) for _ in range(4)]), np.array([60, 50, 42, 31])


def within(ranks, n_expressed, genes):
    """Ranks among some of the genes."""
    few = ranks[:, genes].argsort(axis=1).argsort(axis=1)
    return few, (ranks[:, genes] < n_expressed[:, None]).sum(axis=1)


def test_windows_hold_the_genes_in_the_order_of_their_ranks(model, vocabulary, samples):
    ranks, n_expressed = samples
    ids = GenePanel(model, vocabulary, np.arange(N_GENES)).inputs(ranks, n_expressed)["input_ids"]
    assert ids.shape == (4, 4, 16)
    order = ranks.argsort(axis=1) + N_SPECIAL
    np.testing.assert_array_equal(ids[:, 0], order[:, :16])
    np.testing.assert_array_equal(ids[:, -1], order[:, -16:])


def test_layers_read_what_the_anchor_leaves_unexplained(model, vocabulary, samples):
    ranks, n_expressed = samples
    genes = np.arange(5, 55)
    few, n_few = within(ranks, n_expressed, genes)
    inputs = GenePanel(model, vocabulary, genes).inputs(few, n_few)
    mean, sd = (vocabulary.table[name].to_numpy()[genes] for name in ("score_mean", "score_sd"))
    scores = (normal_scores(few, n_few, quantile=panel_quantile(mean, sd)) - mean) / sd
    loadings = model.anchor.loadings[genes]
    latent = model.anchor.posterior(torch.from_numpy(scores), torch.from_numpy(genes))
    torch.testing.assert_close(inputs["latent"], latent)
    left = torch.from_numpy(scores) - latent @ loadings.T
    first = left.gather(1, torch.from_numpy(few.argsort(axis=1)))[:, :16]
    torch.testing.assert_close(inputs["scores"][:, 0], first)


def test_panel_shorter_than_a_window_is_one_window_without_padding(model, vocabulary, samples):
    ranks, n_expressed = samples
    genes = np.array([3, 8, 20, 21, 40])
    few, n_few = within(ranks, n_expressed, genes)
    inputs = GenePanel(model, vocabulary, genes).inputs(few, n_few)
    assert inputs["input_ids"].shape == (4, 1, 5)
    padded = {
        "input_ids": torch.nn.functional.pad(inputs["input_ids"], (0, 11)),
        "scores": torch.nn.functional.pad(inputs["scores"], (0, 11)),
        "attention_mask": torch.arange(16).expand(4, 1, 16) < 5,
    }
    with torch.no_grad():
        torch.testing.assert_close(model(**inputs).vector, model(**{**inputs, **padded}).vector, atol=1e-5, rtol=1e-5)


def test_scores_of_a_panel_stand_where_its_genes_stand(model, vocabulary, samples):
    ranks, n_expressed = samples
    high = np.argsort(-vocabulary.table["score_mean"].to_numpy())[:20]
    genes = np.sort(high)
    panel = GenePanel(model, vocabulary, genes)
    few, _ = within(ranks, n_expressed, genes)
    raw = panel.scores(few, np.full(4, 20)) * panel.sd + panel.mean
    assert abs(raw.mean() - vocabulary.table["score_mean"].to_numpy()[genes].mean()) < 0.1


def test_without_layers_only_the_anchor_is_asked(model, vocabulary, samples):
    inputs = GenePanel(model, vocabulary, np.arange(N_GENES)).inputs(*samples, layers=False)
    assert set(inputs) == {"latent", "uncertainty"}
    assert model(**inputs, bypass_layers=True).vector.shape == (4, 6)


def test_published_tokens_need_no_scores(tiny, vocabulary, samples):
    model = SpecformerForSamples(tiny())
    inputs = GenePanel(model, vocabulary, np.arange(N_GENES)).inputs(*samples)
    assert set(inputs) == {"input_ids"}


def test_zeros_have_an_order_where_the_weighting_gives_them_one(model, vocabulary, samples):
    ranks, n_expressed = samples
    last = ranks == N_GENES - 1
    panel = GenePanel(model, vocabulary, np.arange(N_GENES))
    shared = panel.scores(ranks, n_expressed)
    panel.config.weighting = "tfidf"
    own = panel.scores(ranks, n_expressed)
    assert (own[1:][last[1:]] < shared[1:][last[1:]]).all()
