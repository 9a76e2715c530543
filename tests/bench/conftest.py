from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import specformer as sf

N_GENES = 240
TYPES = ("BLCA", "KIRC", "UCEC", "COAD", "READ")
GTEX = {"BLCA": "Bladder", "KIRC": "Kidney", "UCEC": "Uterus"}


@pytest.fixture(scope="session")
def genes() -> pd.DataFrame:
    """Names of the simulated genes; some of them are on a real panel."""
    symbols = ["MKI67", "ESR1", "ERBB2", "KRT5", "FOXA1", "MYC", *(f"GENE{i}" for i in range(N_GENES - 6))]
    return pd.DataFrame(
        {
            "symbol": symbols,
            "ensembl": [f"ENSG{i:011d}" for i in range(N_GENES)],
            "entrez": [str(1000 + 17 * i) for i in range(N_GENES)],
        },
        index=symbols,
    )


@pytest.fixture(scope="session")
def simulated(genes) -> dict[str, ad.AnnData]:
    """Six cohorts of the same patients in their schemes, as the real ones are: tumours, normals, GTEx; planted hazard."""
    rng = np.random.default_rng(0)
    n_tumour, n_normal, n_gtex = 60, 16, 20
    rows = [(t, "01", t, f"TCGA-{t}-{i}") for t in TYPES for i in range(n_tumour)]
    rows += [(t, "11", t, f"TCGA-{t}-{i}") for t in TYPES for i in range(n_normal)]
    rows += [("GTEx", "GTEX", tissue, f"GTEX-{tissue}-{i}") for tissue in GTEX.values() for i in range(n_gtex)]
    obs = pd.DataFrame(rows, columns=["cancer_type", "sample_type", "tissue", "patient"])
    obs.index = [f"{patient}-{kind}" for patient, kind in zip(obs["patient"], obs["sample_type"], strict=True)]
    obs["is_tumor"] = obs["sample_type"] == "01"

    organ = obs["tissue"].replace({name: code for code, name in GTEX.items()} | {"READ": "COAD"})
    organs = sorted(organ.unique())
    profile = rng.normal(5, 1.5, N_GENES)
    organ_effect = 2.0 * rng.standard_normal((len(organs), N_GENES)) * (rng.random((len(organs), N_GENES)) < 0.3)
    tumour_effect = 1.5 * rng.standard_normal(N_GENES) * (rng.random(N_GENES) < 0.3)
    hazard_effect = 1.0 * rng.standard_normal(N_GENES) * (rng.random(N_GENES) < 0.4)
    hazard = rng.standard_normal(len(obs))
    log = (
        profile
        + organ_effect[organ.map(organs.index).to_numpy()]
        + obs["is_tumor"].to_numpy()[:, None] * tumour_effect
        + hazard[:, None] * hazard_effect
        + 0.3 * rng.standard_normal((len(obs), N_GENES))
    )
    mean = np.exp(log)
    for endpoint in ("OS", "PFI"):
        time = rng.exponential(np.exp(-2 * hazard)) * 1000
        censored = rng.exponential(2000, len(obs))
        obs[endpoint] = np.where(obs["is_tumor"], time <= censored, np.nan).astype(float)
        obs[f"{endpoint}.time"] = np.where(obs["is_tumor"], np.ceil(np.minimum(time, censored)), np.nan)
    types = obs["cancer_type"].replace({"READ": "COAD"})
    truth = {
        "truth": (types.to_numpy()[:, None] == np.unique(types)).astype(np.float32),
        "tissue": pd.get_dummies(organ + obs["is_tumor"].astype(str)).to_numpy(np.float32),
        "organ": pd.get_dummies(organ).to_numpy(np.float32),
        "hazard": np.c_[hazard, hazard**2].astype(np.float32),
        "noise": rng.standard_normal((len(obs), 12)).astype(np.float32),
    }

    counts = rng.poisson(mean / mean.sum(axis=1, keepdims=True) * 400_000).astype(np.float32)
    logged = np.log2(counts / np.quantile(counts, 0.75, axis=1, keepdims=True) * 1000 + 1)
    lengths = np.exp(rng.normal(7, 1, N_GENES))
    fpkm = counts / lengths.astype(np.float32) + 0.01
    tumours = obs["is_tumor"].to_numpy()
    pairs = genes["symbol"] + "|" + genes["entrez"]

    def cohort(X, rows, var, **obsm):
        return ad.AnnData(X[rows].copy(), obs=obs[rows].copy(), var=var, obsm={k: v[rows] for k, v in obsm.items()})

    everyone = np.ones(len(obs), dtype=bool)
    bare = pd.DataFrame(index=pairs.to_numpy())
    found = {
        "panel": cohort(logged, everyone, genes.copy(), **truth),
        "wide": cohort(logged, everyone, genes.copy(), **truth),
        "htseq": cohort(counts, tumours, pd.DataFrame({"length": lengths}, index=genes["ensembl"].to_numpy())),
        "rsem": cohort(counts * 1.37 + 0.2, tumours, bare.copy()),
        "expected_count": cohort(counts + 0.25, ~tumours, bare.copy()),
        "fpkm": cohort(fpkm, ~tumours, bare.copy()),
    }
    for name in ("expected_count", "fpkm"):
        found[name].obs["cohort"] = found[name].obs["tissue"]
    return found


@pytest.fixture(scope="session")
def gene_sets(genes) -> dict[str, list[str]]:
    rng = np.random.default_rng(1)
    return {f"set{i}": list(rng.choice(genes["symbol"], 12, replace=False)) for i in range(20)}


@pytest.fixture
def cohorts(simulated, gene_sets, tmp_path, monkeypatch) -> sf.bench.Cohorts:
    monkeypatch.setattr(sf.settings, "cachedir", tmp_path / "cache")
    return sf.bench.divided({name: adata.copy() for name, adata in simulated.items()}, gene_sets=gene_sets)


def noise(adata):
    """An embedder that knows nothing: the same random numbers for anything."""
    return np.random.default_rng(adata.n_obs).standard_normal((adata.n_obs, 12))


@pytest.fixture
def value():
    """A function that reads one figure from a table."""

    def read(table, representation, metric, condition=None):
        rows = table[(table["representation"] == representation) & (table["metric"] == metric)]
        rows = rows if condition is None else rows[rows["condition"] == condition]
        assert len(rows) == 1, rows
        return rows["value"].item()

    return read
