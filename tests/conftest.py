from __future__ import annotations

import os
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, settings

import specformer as sf

# Shared machines stall: no deadline per example. The seeds are printed on failure, so nothing is lost by drawing anew.
settings.register_profile("house", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

# Progress bars would fill the log.
sf.settings.progress = False


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real cohorts; tests that ask for it are skipped where it is not at hand."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("SPECFORMER_REAL_DATA", beside))
    if not folder.is_dir():
        pytest.skip(f"no real cohorts in {folder}; set SPECFORMER_REAL_DATA to their folder")
    return folder


@pytest.fixture
def cohort() -> ad.AnnData:
    """Counts of 30 samples x 120 genes, negative binomial around three profiles; depths differ up to fivefold."""
    rng = np.random.default_rng(0)
    profiles = rng.lognormal(0, 1.5, (3, 120))
    kind, depth = np.arange(30) % 3, rng.uniform(2_000, 10_000, (30, 1))
    mean = depth * (profiles / profiles.sum(axis=1, keepdims=True))[kind]
    counts = rng.negative_binomial(2, 2 / (2 + mean)).astype(np.float32)
    obs = pd.DataFrame({"kind": pd.Categorical(kind.astype(str))}, index=[f"sample{i}" for i in range(30)])
    obs["is_train"] = np.arange(30) < 20
    return ad.AnnData(counts, obs=obs, var=pd.DataFrame(index=[f"gene{i:03d}" for i in rng.permutation(120)]))
