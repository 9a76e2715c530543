from __future__ import annotations

import numpy as np
import pytest

import specformer as sf
from specformer.datasets._profiles import read_profiles


@pytest.fixture(scope="module")
def profiles():
    return read_profiles()


def test_shape_names_and_provenance():
    adata = sf.datasets.simulated_cohort(60, groups=["ACC", "STAD"])
    assert adata.n_obs == 60
    assert adata.n_vars > 10_000
    assert adata.var_names.is_unique
    assert {"TP53", "EGFR", "ALB"} <= set(adata.var_names)
    assert adata.obs["cancer_type"].value_counts().to_dict() == {"ACC": 30, "STAD": 30}
    assert adata.obs["patient"].is_unique
    assert adata.uns["simulated"]["params"]["n_obs"] == 60


def test_counts_are_whole_and_depth_is_as_asked():
    adata = sf.datasets.simulated_cohort(200, depth=2e6)
    assert adata.X.dtype == np.float32
    np.testing.assert_array_equal(adata.X, np.round(adata.X))
    assert adata.X.min() >= 0
    depth = adata.X.sum(1)
    assert np.median(depth) == pytest.approx(2e6, rel=0.15)
    assert 0.2 < np.log(depth).std() < 0.5


def test_same_seed_same_cohort_and_another_seed_another():
    draw = [sf.datasets.simulated_cohort(8, rng=rng).X for rng in (3, np.random.default_rng(3), 4)]
    np.testing.assert_array_equal(draw[0], draw[1])
    assert (draw[0] != draw[2]).mean() > 0.5


def test_group_means_are_the_real_profiles(profiles):
    adata = sf.datasets.simulated_cohort(300, groups=["ACC"], depth=1e7)
    share = 1e6 * adata.X / adata.X.sum(1, keepdims=True)
    real = profiles.means["ACC"].to_numpy() * 1e6 / profiles.means["ACC"].sum()
    high = real > 20
    # Standard error of a mean of 300 with dispersion <= 4 is below 12 %.
    np.testing.assert_allclose(np.median(share.mean(0)[high] / real[high]), 1, atol=0.05)
    assert np.quantile(np.abs(np.log(share.mean(0)[high] / real[high])), 0.99) < 0.3


def test_dispersion_is_the_measured_one_or_as_asked(profiles):
    def scatter(adata):
        share = adata.X / adata.X.sum(1, keepdims=True)
        return share.var(0) / share.mean(0) ** 2

    high = profiles.means["STAD"].to_numpy() > 50
    measured = scatter(sf.datasets.simulated_cohort(300, groups=["STAD"]))[high]
    phi = profiles.dispersion.to_numpy()[high]
    assert np.corrcoef(np.log(measured), np.log(phi))[0, 1] > 0.9
    assert np.median(measured / phi) == pytest.approx(1, abs=0.15)
    none = scatter(sf.datasets.simulated_cohort(300, groups=["STAD"], dispersion=0))[high]
    assert np.median(none) < 0.01


def test_shares_of_a_tissue_gene_are_where_they_belong():
    adata = sf.datasets.simulated_cohort(40, groups=["LIHC normal", "THCA normal"])
    mean = adata.to_df().groupby(adata.obs["cancer_type"], observed=True).mean()
    assert mean.loc["LIHC normal", "ALB"] > 100 * mean.loc["THCA normal", "ALB"]
    assert mean.loc["THCA normal", "TG"] > 100 * mean.loc["LIHC normal", "TG"]


def test_profiles_are_aggregates_without_gaps(profiles):
    assert 15 <= profiles.means.shape[1] <= 40
    assert np.isfinite(profiles.means.to_numpy()).all()
    assert (profiles.means.to_numpy() >= 0).all()
    assert profiles.dispersion.between(0.01, 4).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_obs": 0}, "Cannot draw 0 samples"),
        ({"depth": 0}, "depth > 0"),
        ({"dispersion": -1.0}, "dispersion >= 0"),
        ({"groups": ["ACC", "ELBOW"]}, r"No profile for \['ELBOW'\]\. There are: .*ACC"),
        ({"groups": []}, "empty list of groups"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        sf.datasets.simulated_cohort(**arguments)
