from __future__ import annotations

import anndata as ad
import numpy as np
import pytest
import torch

import specformer as sf
from specformer.genes import N_SPECIAL
from specformer.train._corpus import Corpus
from specformer.train._whole_profile import WholeProfile

N_GENES = 200


@pytest.fixture(scope="module")
def cohorts():
    """The same 80 samples as counts and, in half of the genes, as FPKM-like values; five tissues."""
    adata = sf.datasets.simulated_cohort(80, depth=5e6, rng=1)
    adata = adata[:, np.linspace(0, adata.n_vars - 1, N_GENES).astype(int)].copy()
    factors = np.random.default_rng(0).lognormal(0, 0.7, N_GENES)
    other = ad.AnnData((adata.X * factors)[:, ::2], obs=adata.obs.copy(), var=adata.var.iloc[::2].copy())
    return adata, other


@pytest.fixture(scope="module")
def objective(cohorts):
    genes = sf.train.build_vocabulary(cohorts[0], weighting="median")
    corpus = Corpus.of([sf.train.rank_store(cohort, genes) for cohort in cohorts])
    config = sf.model.SpecformerConfig(
        vocab_size=len(genes) + N_SPECIAL,
        weighting="median",
        num_hidden_layers=1,
        hidden_size=32,
        num_attention_heads=2,
        intermediate_size=64,
        token="film",
        cls_token=True,
        window_embedding="cls",
        n_anchor=8,
        noise_variance=0.35,
        hidden_dropout_prob=0.0,
    )
    return WholeProfile(corpus, config, genes, pairs=[(0, 1)], min_genes=10, max_genes=40)


@pytest.fixture(scope="module")
def model(objective):
    torch.manual_seed(0)
    return objective.make_model(np.arange(60))


def loss_of(objective, model, seed=0, items=range(24)):
    rng = torch.Generator().manual_seed(seed)
    return objective(model, torch.tensor(list(items)), rng)


def test_new_layers_add_nothing(objective, model):
    _, figures = loss_of(objective, model)
    torch.testing.assert_close(figures["vector_error"], figures["anchor_vector_error"])
    torch.testing.assert_close(figures["profile_error"], figures["anchor_profile_error"])


def test_same_generator_same_loss(objective, model):
    assert loss_of(objective, model, 1)[0] == loss_of(objective, model, 1)[0]
    assert loss_of(objective, model, 1)[0] != loss_of(objective, model, 2)[0]


def test_anchor_is_fitted_on_the_training_samples_alone(cohorts, objective):
    torch.manual_seed(0)
    one = objective.make_model(np.arange(60))
    scrambled = [cohort.copy() for cohort in cohorts]
    rng = np.random.default_rng(0)
    for cohort in scrambled:
        cohort.X[60:] = rng.permuted(cohort.X[60:], axis=1)
    corpus = Corpus.of([sf.train.rank_store(cohort, objective.vocabulary) for cohort in scrambled])
    torch.manual_seed(0)
    other = WholeProfile(corpus, objective.config, objective.vocabulary, pairs=[(0, 1)]).make_model(np.arange(60))
    for name, weights in one.state_dict().items():
        torch.testing.assert_close(other.state_dict()[name], weights, rtol=0, atol=0)
    objective.make_model(np.arange(60))


def test_training_brings_parts_nearer_to_the_whole(objective):
    torch.manual_seed(0)
    model = objective.make_model(np.arange(60))
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=2e-3)
    for step in range(80):
        loss, _ = loss_of(objective, model, step, np.random.default_rng(step).permutation(60)[:32])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    figures = [loss_of(objective, model, 10_000 + i, range(60, 80))[1] for i in range(20)]
    held_out, anchor = (np.mean([float(f[name]) for f in figures]) for name in ("vector_error", "anchor_vector_error"))
    assert held_out < 0.97 * anchor


def test_anchor_stays_as_it_was_fitted(model):
    assert not model.anchor.loadings.requires_grad
    assert not model.anchor.whitening.requires_grad


def test_published_tokens_are_refused(objective):
    config = sf.model.SpecformerConfig.preset("mini", vocab_size=objective.config.vocab_size)
    with pytest.raises(ValueError, match="token='film'"):
        WholeProfile(objective.corpus, config, objective.vocabulary)


def variant(objective, *, pairs=((0, 1),), options=(), **settings):
    config = sf.model.SpecformerConfig.from_dict(objective.config.to_dict() | settings)
    sizes = {"min_genes": 10, "max_genes": 40}
    return WholeProfile(objective.corpus, config, objective.vocabulary, pairs=pairs, **(sizes | dict(options)))


def trained_error(objective, n_steps, lr):
    torch.manual_seed(0)
    model = objective.make_model(np.arange(60))
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=lr)
    for step in range(n_steps):
        loss, _ = loss_of(objective, model, step, np.random.default_rng(step).permutation(60)[:32])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return np.mean([float(loss_of(objective, model, 10_000 + i, range(60, 80))[1]["profile_error"]) for i in range(20)])


def test_without_an_anchor_gene_embeddings_learn_to_decode(objective):
    free = variant(objective, n_anchor=0, n_dims=None)
    loss, figures = loss_of(free, free.make_model(np.arange(60)))
    assert set(figures) == {"profile_error"}
    assert loss.item() == pytest.approx(figures["profile_error"].item())
    assert trained_error(free, 120, 5e-3) < 0.97 * trained_error(free, 0, 5e-3)


def test_published_tokens_beside_an_anchor(objective):
    additive = variant(objective, token="additive")
    model = additive.make_model(np.arange(60))
    loss_of(additive, model)[0].backward()
    assert model.residual.out.weight.grad.abs().sum() > 0


def test_metric_without_pairs_is_the_spread_alone(objective):
    plain = variant(objective, pairs=(), options={"n_neighbors": 0}).make_model(np.arange(60)).anchor.whitening
    torch.testing.assert_close(plain, torch.diag(torch.diag(plain)))
    schemes = variant(objective, options={"n_neighbors": 0}).make_model(np.arange(60)).anchor.whitening
    both = variant(objective).make_model(np.arange(60)).anchor.whitening
    assert not torch.allclose(schemes, plain)
    assert not torch.allclose(both, schemes)


def test_samples_of_a_patient_may_lie_closer(objective):
    known = objective.corpus
    patients = np.arange(len(known)) // 2
    corpus = Corpus.of(known.stores, dict(zip(known.samples.tolist(), patients.astype(str).tolist(), strict=True)))

    def distance(same_patient):
        options = {"same_patient": same_patient, "n_neighbors": 0}
        chosen = WholeProfile(corpus, objective.config, objective.vocabulary, **options)
        model = chosen.make_model(np.arange(60))
        vectors = model.anchor.whiten(torch.from_numpy(chosen._truth.latents[0][corpus.rows[:60, 0]]))
        return (vectors[::2] - vectors[1::2]).norm(dim=1).mean() / torch.pdist(vectors).mean()

    assert distance(same_patient=True) < 0.95 * distance(same_patient=False)


def test_a_shift_costs_what_it_does_to_views(objective, model):
    shifted = variant(objective, options={"gene_shift": 1.0})
    hard = loss_of(shifted, shifted.make_model(np.arange(60)))[1]["anchor_profile_error"]
    assert hard > loss_of(objective, model)[1]["anchor_profile_error"]


def test_pretrain_by_name(cohorts, tmp_path):
    trained = sf.train.pretrain(
        list(cohorts),
        {"preset": "mini", "n_anchor": 8, "num_hidden_layers": 1, "hidden_size": 32, "intermediate_size": 64},
        output_dir=tmp_path / "run",
        objective="whole_profile",
        objective_options={"pairs": [(0, 1)], "max_genes": 40},
        args={"max_steps": 2, "per_device_train_batch_size": 8, "eval_strategy": "no", "save_strategy": "no"},
    )
    assert trained.config.weighting == "median"
    adata = cohorts[0].copy()
    sf.tl.specformer_embed(adata, tmp_path / "run" / "model")
    assert adata.obsm["X_specformer"].shape == (80, 8)
