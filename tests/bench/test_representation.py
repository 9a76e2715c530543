from __future__ import annotations

import numpy as np

from specformer.bench._representation import Representation, blind


class Listener:
    """Notes whom it was fitted on and what it was asked."""

    def __init__(self, *, refits=False):
        self.refits, self.fits = refits, []

    def fit(self, train, pairs):
        self.fits.append(train)
        return lambda adata: np.asarray(adata.X)[:, :3]


def test_samples_come_without_names_and_labels(cohorts):
    shown = blind(cohorts["panel"])
    assert shown.obs.shape[1] == 0
    assert not shown.uns
    assert not set(shown.obs_names) & set(cohorts["panel"].obs_names)
    np.testing.assert_array_equal(shown.X, cohorts["panel"].X)
    assert list(shown.var_names) == list(cohorts["panel"].var_names)


def test_it_is_fitted_once_a_cohort_on_training_samples(cohorts):
    listener = Listener()
    representation = Representation(listener, cohorts)
    for name in ("panel", "wide", "panel"):
        representation.on(name)
    assert len(listener.fits) == 2
    train = cohorts["panel"][cohorts.part("panel", "train")]
    np.testing.assert_array_equal(listener.fits[0].X, train.X)


def test_what_needs_no_fit_is_the_same_everywhere(cohorts):
    representation = Representation(lambda adata: np.ones((adata.n_obs, 1)), cohorts)
    assert representation.on("panel") is representation.on("wide")


def test_only_what_asks_for_it_is_refitted_on_the_genes_at_hand(cohorts):
    genes = cohorts["panel"].var_names[:10].to_numpy()
    stays, refits = Listener(), Listener(refits=True)
    for listener in (stays, refits):
        Representation(listener, cohorts).at_hand("panel", genes)
    assert stays.fits[-1].n_vars == cohorts["panel"].n_vars
    assert list(refits.fits[-1].var_names) == list(genes)


def test_no_sample_is_embedded_twice_and_none_before_it_is_needed(cohorts):
    asked = []

    def count(adata):
        asked.append(adata.n_obs)
        return np.asarray(adata.X)[:, :2]

    fitted = Representation(count, cohorts).on("panel")
    few = np.arange(cohorts["panel"].n_obs) < 10
    more = np.arange(cohorts["panel"].n_obs) < 25
    for needed in (few, more, few):
        found = fitted.of("panel", needed)
        np.testing.assert_array_equal(found[needed], np.asarray(cohorts["panel"].X)[needed, :2])
    assert asked == [10, 15]
    assert np.isnan(found[~more]).all()
