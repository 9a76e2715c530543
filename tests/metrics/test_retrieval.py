from __future__ import annotations

import numpy as np
import pytest

from specformer import metrics


def test_vectors_that_are_the_labels_are_perfect_and_noise_is_chance():
    rng = np.random.default_rng(0)
    labels = rng.integers(4, size=800)
    assert metrics.precision_at_k(np.eye(4)[labels], labels).mean() == 1
    assert metrics.precision_at_k(rng.standard_normal((800, 20)), labels, k=5).mean() == pytest.approx(0.25, abs=0.03)


def test_length_does_not_count_only_direction():
    X = np.array([[1.0, 0.0], [100.0, 1.0], [0.0, 1.0], [1.0, 90.0]])
    np.testing.assert_array_equal(metrics.precision_at_k(X, ["a", "a", "b", "b"]), 1)


def test_nobody_is_their_own_neighbour():
    X = np.array([[1, 0], [1, 0.01], [1, 0.5], [0, 1.0], [0.2, 1]])
    labels, patients = ["a", "a", "b", "b", "a"], ["p", "p", "q", "r", "s"]
    assert metrics.precision_at_k(X, labels)[0] == 1
    assert metrics.precision_at_k(X, labels, patients=patients)[0] == 0


def test_a_gallery_is_searched_instead():
    hits = metrics.precision_at_k(np.eye(2), ["a", "b"], gallery=np.eye(2)[[0, 0, 1]], gallery_labels=["a", "a", "c"])
    np.testing.assert_array_equal(hits, [1, 0])
    with pytest.raises(ValueError, match="gallery_labels"):
        metrics.precision_at_k(np.eye(2), ["a", "b"], gallery=np.eye(2))
    with pytest.raises(ValueError, match="only 2 others"):
        metrics.precision_at_k(np.eye(3), ["a", "b", "c"], k=3)


def test_same_sample_is_found_both_ways_or_one_way_and_never_by_a_tie():
    A = np.random.default_rng(0).standard_normal((30, 8))
    np.testing.assert_array_equal(metrics.same_sample_top1(A, 3 * A + 1e-6), 1)
    np.testing.assert_array_equal(metrics.same_sample_top1(A, np.roll(A, 1, axis=0)), 0)
    np.testing.assert_array_equal(metrics.same_sample_top1(np.ones((3, 2)), np.ones((3, 2))), 0)
    lopsided = metrics.same_sample_top1(np.array([[1, 0], [1, 0.3]]), np.array([[1, 0.1], [1, 0.11]]))
    np.testing.assert_array_equal(lopsided, [1, 0.5])


def test_row_cosine():
    np.testing.assert_allclose(metrics.row_cosine([[1, 0], [1, 1], [0, 0]], [[2, 0], [-1, -1], [1, 0]]), [1, -1, 0])
