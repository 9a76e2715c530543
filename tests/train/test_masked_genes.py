from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from specformer.genes import N_SPECIAL
from specformer.model import GenePanel, SpecformerForSamples
from specformer.train import Corpus, MaskedGenes, rank_store
from specformer.train._masked_genes import accuracies
from specformer.train._recipe import asked_config, fitted_config


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def objective(corpus, genes, tiny):
    return MaskedGenes(corpus, fitted_config(asked_config(tiny), genes), genes)


def test_the_windows_of_a_sample_hold_every_gene_in_its_order(objective, corpus):
    items = objective.items(np.array([3]))
    windows, scores = objective.windows(items, rng())
    assert scores is None
    order = np.argsort(corpus.stores[0].ranks[3]) + N_SPECIAL
    starts = [0, 22, 44, 66, 88]
    for window, start in zip(windows.numpy(), starts, strict=True):
        np.testing.assert_array_equal(window, order[start : start + 32])
    assert set(windows.flatten().tolist()) == set(range(N_SPECIAL, 120 + N_SPECIAL))


def test_an_epoch_has_every_window_once(objective):
    items = objective.items(np.arange(30))
    assert len(np.unique(items)) == 30 * 5
    windows, _ = objective.windows(items, rng())
    assert len({tuple(window.tolist()) for window in windows}) == 150


def test_validation_windows_reach_from_the_highest_genes_to_the_lowest(corpus, genes, tiny):
    config = fitted_config(asked_config(tiny), genes)
    objective = MaskedGenes(corpus, config, genes, n_validation_windows=2)
    items = objective.validation_items(np.array([4, 7]))
    assert (items // 5).tolist() == [4, 4, 7, 7]
    assert (items % 5).tolist() == [0, 4, 0, 4]


def test_random_offsets_start_anywhere_in_training_alone(corpus, genes, tiny):
    config = fitted_config(asked_config(tiny), genes)
    objective = MaskedGenes(corpus, config, genes, random_offsets=True)
    rank_of = {gene + N_SPECIAL: rank for gene, rank in enumerate(corpus.stores[0].ranks[0])}
    seen = set()

    class Recorder(torch.nn.Module):
        def forward(self, input_ids, labels, **_):
            truth = torch.where(labels >= 0, labels, input_ids)
            seen.update(min(rank_of[token] for token in window) for window in truth.tolist())
            return type("Output", (), {"loss": None, "logits": torch.zeros(1, 5), "labels": torch.zeros(1).long()})

    first = torch.zeros(400, dtype=torch.int64)
    objective(Recorder().train(), first, rng())
    assert min(seen) == 0
    assert max(seen) == 120 - 32
    assert len(seen) > 80
    seen.clear()
    objective(Recorder().eval(), first, rng())
    assert seen == {0}


def test_scores_are_those_that_an_embedding_reads(cohort, genes, tiny):
    cohort.X[2, :90] = 0  # most of this sample is not expressed
    corpus = Corpus.of([rank_store(cohort, genes)])
    config = fitted_config(asked_config(tiny | {"token": "film"}), genes)
    objective = MaskedGenes(corpus, config, genes)
    windows, scores = objective.windows(objective.items(np.arange(5)), rng())
    store = corpus.stores[0]
    panel = GenePanel(SpecformerForSamples(config), genes, store.genes)
    expected = panel.inputs(store.ranks[:5], store.n_expressed[:5])
    torch.testing.assert_close(windows, expected["input_ids"].flatten(0, 1))
    torch.testing.assert_close(scores, expected["scores"].flatten(0, 1))


def test_an_untrained_model_knows_nothing(objective):
    torch.manual_seed(0)
    model = objective.make_model(np.arange(30)).eval()
    loss, figures = objective(model, torch.from_numpy(objective.items(np.arange(30))), rng())
    assert abs(loss.item() - math.log(123)) < 0.05
    assert figures["top1"] < 0.06
    assert figures["top1"] < figures["top10"] < 0.2


def test_the_generator_decides_everything(objective):
    torch.manual_seed(0)
    model = objective.make_model(np.arange(30)).eval()
    items = torch.from_numpy(objective.items(np.arange(4)))
    first, again, other = (objective(model, items, rng(seed))[0] for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_accuracies():
    logits = torch.zeros(3, 30)
    logits[:, 5:25] = torch.arange(20.0)
    found = accuracies(logits, torch.tensor([24, 16, 3]))
    assert found["top1"] == pytest.approx(1 / 3)
    assert found["top10"] == pytest.approx(2 / 3)
    assert accuracies(logits, torch.tensor([24, 16, 3]), n_most=1)["top1"] == 1


def test_a_sample_is_seen_in_all_of_its_schemes(cohort, genes, tiny):
    lengths = np.random.default_rng(0).uniform(500, 5000, 120)
    stores = [rank_store(cohort, genes), rank_store(cohort, genes, scheme="tpm", lengths=lengths)]
    objective = MaskedGenes(Corpus.of(stores), fitted_config(asked_config(tiny), genes), genes)
    windows, _ = objective.windows(np.zeros(200, np.int64), rng())
    heads = {tuple(window.tolist()) for window in windows}
    expected = {tuple((np.argsort(store.ranks[0])[:32] + N_SPECIAL).tolist()) for store in stores}
    assert heads == expected


def test_cohorts_with_other_genes_share_a_batch(cohort, genes, tiny):
    fewer = cohort[:10, :60].copy()
    fewer.obs_names = [f"other{i}" for i in range(10)]
    corpus = Corpus.of([rank_store(cohort, genes), rank_store(fewer, genes)])
    objective = MaskedGenes(corpus, fitted_config(asked_config(tiny), genes), genes)
    items = objective.items(np.array([0, 35]))
    assert len(items) == 5 + 3, "windows of 32 among 60 genes start at 0, 22 and 28"
    windows, _ = objective.windows(items, rng())
    known = set((corpus.stores[1].genes + N_SPECIAL).tolist())
    assert set(windows[5:].flatten().tolist()) == known
    small = Corpus.of([rank_store(cohort, genes), rank_store(fewer[:, :20].copy(), genes)])
    with pytest.raises(ValueError, match="only 20 genes of the vocabulary, fewer than a window"):
        MaskedGenes(small, objective.config, genes)


def test_an_anchor_would_show_the_hidden_genes(corpus, genes, tiny):
    config = fitted_config(asked_config(tiny | {"n_anchor": 4, "cls_token": True, "token": "film"}), genes)
    with pytest.raises(ValueError, match="trains no anchor"):
        MaskedGenes(corpus, config, genes)
