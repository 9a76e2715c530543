from __future__ import annotations

import numpy as np
import pytest

from specformer.train._anchor import (
    Profiles,
    differences_within,
    fit_loadings,
    fit_metric,
    neighbour_differences,
    posterior_mean,
)

N_GENES, N_DIMS, NOISE = 80, 4, 0.35


@pytest.fixture(scope="module")
def planted():
    """Scores of 400 samples that follow the model, and the loadings that they were drawn with."""
    rng = np.random.default_rng(0)
    loadings = rng.normal(size=(N_GENES, N_DIMS)) * [2, 1.5, 1, 0.8]
    latents = rng.normal(size=(400, N_DIMS))
    return loadings, latents @ loadings.T + np.sqrt(NOISE) * rng.normal(size=(400, N_GENES))


def covariance(loadings):
    return loadings @ loadings.T


def error(found, planted):
    return np.linalg.norm(covariance(found) - covariance(planted)) / np.linalg.norm(covariance(planted))


def test_complete_profiles_give_the_planted_covariance(planted):
    loadings, scores = planted
    found = fit_loadings([Profiles(scores, np.arange(N_GENES))], N_GENES, n_dims=N_DIMS, noise_variance=NOISE)
    assert error(found, loadings) < 0.15
    sizes = (found**2).sum(axis=0)
    assert (np.diff(sizes) < 0).all()


def test_cohort_without_half_of_the_genes_helps_and_leaves_them_missing(planted):
    loadings, scores = planted
    few, more = scores[:40], scores[40:]
    genes = np.arange(0, N_GENES, 2)
    alone = fit_loadings([Profiles(few, np.arange(N_GENES))], N_GENES, n_dims=N_DIMS, noise_variance=NOISE)
    both = fit_loadings(
        [Profiles(few, np.arange(N_GENES)), Profiles(more[:, genes], genes)],
        N_GENES,
        n_dims=N_DIMS,
        noise_variance=NOISE,
        n_iter=50,
    )
    assert error(both, loadings) < 0.7 * error(alone, loadings)
    zeros = more.copy()
    zeros[:, 1::2] = 0  # what would happen if missing genes were taken for average ones
    filled = [Profiles(few, np.arange(N_GENES)), Profiles(zeros, np.arange(N_GENES))]
    wrong = fit_loadings(filled, N_GENES, n_dims=N_DIMS, noise_variance=NOISE, n_iter=50)
    assert error(both, loadings) < 0.5 * error(wrong, loadings)


def test_genes_of_no_cohort_have_no_loadings(planted):
    _, scores = planted
    found = fit_loadings([Profiles(scores, np.arange(N_GENES))], N_GENES + 3, n_dims=N_DIMS)
    assert not found[N_GENES:].any()


def test_more_dimensions_than_samples_is_an_error(planted):
    _, scores = planted
    with pytest.raises(ValueError, match="only 5 training samples"):
        fit_loadings([Profiles(scores[:5], np.arange(N_GENES))], N_GENES, n_dims=8)


def test_posterior_mean_is_the_conditional_expectation(planted):
    loadings, scores = planted
    genes = np.array([3, 10, 11, 40])
    at_hand = loadings[genes]
    joint = at_hand @ at_hand.T + NOISE * np.eye(4)  # of the scores; the latents' is the identity
    expected = scores[:, genes] @ np.linalg.solve(joint, at_hand)
    found = posterior_mean(Profiles(scores[:, genes], genes), loadings, NOISE)
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_neighbours_are_mutual_and_counted_once():
    vectors = np.array([[1, 0.0], [1, 0.1], [0, 1.0], [-1, 0.0]])
    differences = neighbour_differences(vectors, n_neighbors=1)
    np.testing.assert_allclose(differences, (vectors[[0]] - vectors[[1]]) / np.sqrt(2))


def test_samples_of_a_patient_are_compared_with_the_first_of_them():
    vectors = np.array([[5.0], [1.0], [2.0], [7.0], [4.0]])
    patients = np.array(["b", "a", "b", "c", "b"])
    np.testing.assert_array_equal(differences_within(vectors, patients), [[3.0], [1.0]])
    assert differences_within(vectors, np.arange(5)).shape == (0, 1)


def test_metric_shrinks_what_schemes_differ_in_and_lets_classes_stand_out():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(12, 6)) * [3, 3, 3, 0, 0, 0]
    kind = np.repeat(np.arange(12), 20)
    latents = centres[kind] + rng.normal(size=(240, 6)) * [0.3, 0.3, 0.3, 1, 1, 3]
    scheme = rng.normal(size=(240, 1)) * [0, 0, 0, 0, 0, 5.0]
    loadings = np.eye(6)
    metric = fit_metric(loadings, latents, scheme)
    plain, found = latents, latents @ metric

    def separation(vectors):
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        cosine = unit @ unit.T
        same = kind[:, None] == kind
        return cosine[same].mean() - cosine[~same].mean()

    assert separation(found) > separation(plain) + 0.2
    assert np.linalg.norm(scheme @ metric) / np.linalg.norm(found) < np.linalg.norm(scheme) / np.linalg.norm(plain) / 3
