from __future__ import annotations

import json
import subprocess
import sys

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from specformer import baselines
from specformer.baselines._fit_trained import METHODS


@pytest.fixture(scope="module")
def cohort(expression):
    X, _, _ = expression
    var = pd.DataFrame(
        {"symbol": [f"GENE{i}" for i in range(90)], "ensembl": [f"ENSG{i:011d}" for i in range(90)]},
        index=[f"GENE{i}" for i in range(90)],
    )
    return ad.AnnData(X, obs=pd.DataFrame(index=[f"s{i}" for i in range(48)]), var=var)


@pytest.mark.parametrize("method", METHODS)
def test_written_and_read_back_it_gives_the_same_bits(cohort, method, tiny, tmp_path):
    embedder = baselines.fit_trained(cohort, method=method, steps=3, **tiny[method])
    embedder.write(tmp_path / "fitted")
    assert sorted(path.name for path in (tmp_path / "fitted").iterdir()) == [
        "config.json",
        "genes.csv",
        "model.safetensors",
    ]
    again = baselines.TrainedEmbedder.read(tmp_path / "fitted")
    np.testing.assert_array_equal(again(cohort), embedder(cohort))
    assert again.model.history == embedder.model.history
    assert not again.model.training
    assert json.loads((tmp_path / "fitted" / "config.json").read_text())["method"] == method


def test_logs_and_other_names_are_read_as_ever(cohort, tiny):
    embedder = baselines.fit_trained(cohort, steps=3, **tiny["vae"])
    other = cohort[:, np.random.default_rng(1).permutation(90)].copy()
    other.X = np.log2(1e6 * other.X / other.X.sum(axis=1, keepdims=True) + 1)
    other.var_names = [f"{ensembl}.7" for ensembl in other.var["ensembl"]]
    np.testing.assert_allclose(embedder(other), embedder(cohort), rtol=1e-2, atol=1e-3)


def test_only_the_samples_given_are_learned_from(cohort, tiny):
    one = baselines.fit_trained(cohort[:40], steps=3, **tiny["vae"])
    scrambled = cohort.copy()
    scrambled.X[40:] = scrambled.X[40:][:, ::-1]
    scrambled.obs["kind"] = np.arange(48)
    other = baselines.fit_trained(scrambled[:40], steps=3, **tiny["vae"])
    np.testing.assert_array_equal(one(cohort), other(cohort))


def test_linear_embed_takes_a_trained_one(cohort, tiny):
    embedder = baselines.fit_trained(cohort, method="gan", steps=2, **tiny["gan"])
    adata = baselines.linear_embed(cohort, embedder, key_added="X_gan", copy=True)
    np.testing.assert_array_equal(adata.obsm["X_gan"], embedder(cohort))


def test_an_unknown_method_and_no_budget_are_refused(cohort):
    with pytest.raises(ValueError, match="'truncated_window'"):
        baselines.fit_trained(cohort, method="pca")
    with pytest.raises(ValueError, match="at least one"):
        baselines.fit_trained(cohort, steps=None)


def test_linear_baselines_do_without_torch():
    code = (
        "import sys, specformer as sf\n"
        "assert 'fit_trained' in dir(sf.baselines)\n"
        "sf.baselines.fit_linear, sf.baselines.ssgsea\n"
        "assert 'torch' not in sys.modules\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'fit_forest'"):
        baselines.fit_forest  # noqa: B018
