from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

import specformer as sf
from specformer.genes import N_SPECIAL

SIZE = {
    "num_hidden_layers": 1,
    "hidden_size": 16,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "window_size": 40,
    "stride": 20,
    "attention_probs_dropout_prob": 0.0,
}
ANCHORED = {"token": "film", "cls_token": True, "window_embedding": "cls", "n_anchor": 4, "weighting": "median"}
FAST = {"max_epochs": 6, "patience": 6, "learning_rate": 3e-3, "head_learning_rate": 1e-2, "batch_size": 8}


@pytest.fixture(scope="module")
def labelled():
    """90 samples x 120 genes: a label, two numbers and an endpoint that hang on whether one set of genes is high."""
    adata = sf.datasets.simulated_cohort(90, groups=["STAD"], depth=2e6)
    adata = adata[:, np.linspace(0, adata.n_vars - 1, 120).astype(int)].copy()
    rng = np.random.default_rng(0)
    high = rng.random(90) < 0.5
    adata.X[np.ix_(high, np.arange(0, 120, 4))] *= 8
    adata.obs["split"] = np.where(np.arange(90) % 3, "train", "val")
    adata.obs["kind"] = np.where(high, "high", "low")
    adata.obsm["Y"] = np.column_stack([high * 2.0, -1.0 * high]) + 0.1 * rng.standard_normal((90, 2))
    adata.obs["OS"] = (rng.random(90) < 0.7).astype(float)
    adata.obs["OS.time"] = rng.exponential(np.where(high, 100, 1000)) + 1
    return adata


def checkpoint_of(labelled, directory, **more):
    genes = sf.train.build_vocabulary(labelled, weighting=more.get("weighting", "tfidf"))
    torch.manual_seed(0)
    model = sf.model.SpecformerForSamples(sf.model.SpecformerConfig(vocab_size=len(genes) + N_SPECIAL, **SIZE, **more))
    if "n_anchor" in more:
        model.set_anchor(torch.randn(len(genes), 4) / 3, torch.randn(4, 4))
        torch.nn.init.normal_(model.residual.out.weight, std=0.3)
    return sf.model.load(sf.model.save(directory, model, genes, membership=["before"]))


@pytest.fixture(scope="module", params=["published", "anchored"])
def base(request, labelled, tmp_path_factory):
    more = ANCHORED if request.param == "anchored" else {"weighting": "median"}
    return checkpoint_of(labelled, tmp_path_factory.mktemp("base") / request.param, **more)


@pytest.fixture(scope="module")
def anchored(labelled, tmp_path_factory):
    return checkpoint_of(labelled, tmp_path_factory.mktemp("base") / "anchored", **ANCHORED)


def moved(before, after):
    """Names of the weights that are not what they were."""
    other = after.state_dict()
    return {name for name, tensor in before.state_dict().items() if not torch.equal(tensor, other[name])}


@pytest.mark.parametrize("lora", [None, 2])
def test_it_serves_validation_better_and_comes_back(base, labelled, lora, tmp_path):
    sums = {name: tensor.clone() for name, tensor in base.model.state_dict().items()}
    head = sf.train.fine_tune(labelled, "kind", directory=tmp_path / "tuned", model=base, lora=lora, **FAST)
    training = head.about["training"]
    assert training["validation_loss"] < training["before"]
    assert 1 <= training["best_epoch"] <= training["epochs"] <= 6
    assert all(torch.equal(tensor, sums[name]) for name, tensor in base.model.state_dict().items())
    tuned = sf.model.load(tmp_path / "tuned")
    assert tuned.sha256 == head.about["checkpoint"]["sha256"] != base.sha256
    names = moved(base.model, tuned.model)
    assert any("attention.self.query" in name for name in names)
    assert not any(name.startswith("anchor.") for name in names)
    assert any("word_embeddings" in name for name in names) == (lora is None)
    assert set(tuned.model.state_dict()) == set(base.model.state_dict())
    new = labelled[:10].copy()
    sf.tl.predict_cancer_type(new, "kind", model=tuned)
    assert set(new.obs["cancer_type_pred"]) <= {"high", "low", "uncertain"}
    if lora is None:
        assert (new.obs["cancer_type_pred"].astype(str) == new.obs["kind"]).mean() > 0.7
    seen = sf.model.seen_in_pretraining(tuned.path, [*labelled.obs_names, "before", "stranger"])
    assert seen[:-2].sum() == training["n_train"]
    assert seen[-2:].tolist() == [True, False]


def test_a_fresh_process_predicts_the_same_bits(anchored, labelled, tmp_path):
    head = sf.train.fine_tune(labelled, "kind", directory=tmp_path / "tuned", model=anchored, max_epochs=1)
    new = labelled[:4].copy()
    new.write_h5ad(tmp_path / "new.h5ad")
    sf.tl.predict_cancer_type(new, head)
    code = (
        "import anndata, json, sys, torch; torch.set_num_threads(1); import specformer as sf\n"
        "a = anndata.read_h5ad(sys.argv[1]); sf.tl.predict_cancer_type(a, 'kind', model=sys.argv[2])\n"
        "print(json.dumps([x.hex() for x in a.obsm['cancer_type_proba'].to_numpy().astype(float).ravel().tolist()]))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "new.h5ad"), str(tmp_path / "tuned")]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    expected = [x.hex() for x in new.obsm["cancer_type_proba"].to_numpy().astype(float).ravel().tolist()]
    assert json.loads(run.stdout.splitlines()[-1]) == expected


@pytest.mark.parametrize(("target", "aggregator"), [("Y", "mean"), ("OS", None), ("kind", None)])
def test_other_tasks_and_the_sample_vector(anchored, labelled, target, aggregator, tmp_path):
    head = sf.train.fine_tune(
        labelled, target, directory=tmp_path / "tuned", model=anchored, aggregator=aggregator, n_windows=None,
        max_epochs=2, learning_rate=1e-3, strata="cancer_type" if target == "OS" else None,
    )  # fmt: skip
    new = labelled.copy()
    if target == "OS":
        sf.tl.predict_survival(new, head, times=[50])
        high = new.obs["kind"] == "high"
        assert new.obs.loc[high, "OS_risk"].mean() > new.obs.loc[~high, "OS_risk"].mean()
        assert new.obsm["OS_survival"]["50"].between(0, 1).all()
    elif target == "Y":
        sf.tl.predict_pathways(new, head)
        assert np.corrcoef(new.obsm["pathway_activity"].iloc[:, 0], new.obsm["Y"][:, 0])[0, 1] > 0.5
    else:
        sf.tl.predict_cancer_type(new, head)
        assert (new.obs["cancer_type_pred"].astype(str) == new.obs["kind"]).mean() > 0.7


def test_the_same_call_gives_the_same_weights_and_leaves_the_cohort(anchored, labelled, tmp_path):
    before = labelled.copy()
    hashes = {
        sf.train.fine_tune(labelled, "kind", directory=tmp_path / str(i), model=anchored, max_epochs=1)
        .about["checkpoint"]["sha256"]
        for i in range(2)
    }  # fmt: skip
    assert len(hashes) == 1
    assert list(labelled.obsm) == list(before.obsm)
    assert list(labelled.obs) == list(before.obs)


def test_an_encoder_that_only_gets_worse_is_kept_as_it_was(anchored, labelled, tmp_path, caplog):
    noise = labelled.copy()
    noise.obs["noise"] = np.random.default_rng(1).choice(["x", "y"], 90)
    head = sf.train.fine_tune(
        noise,
        "noise",
        directory=tmp_path / "tuned",
        model=anchored,
        learning_rate=1.0,
        head_learning_rate=1.0,
        max_epochs=2,
    )
    if head.about["training"]["best_epoch"] == 0:
        assert "kept as it was" in caplog.text
        assert not moved(anchored.model, sf.model.load(tmp_path / "tuned").model)
    assert head.about["training"]["validation_loss"] <= head.about["training"]["before"]


def test_refusals(anchored, labelled, tmp_path, monkeypatch):
    alone = labelled.copy()
    alone.obs["split"] = "train"
    with pytest.raises(ValueError, match="by which training is stopped"):
        sf.train.fine_tune(alone, "kind", directory=tmp_path / "tuned", model=anchored)
    monkeypatch.setattr("specformer.train._tuning.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"specformer\[lora\]"):
        sf.train.fine_tune(labelled, "kind", directory=tmp_path / "tuned", model=anchored, lora=2)
    assert not (tmp_path / "tuned").exists()
