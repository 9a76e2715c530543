from __future__ import annotations

import pytest

from specformer.tl._trust import doubt, expected_cosine


@pytest.fixture
def checkpoint(tmp_path):
    (tmp_path / "coverage.csv").write_text("coverage,n_genes,cosine,low,top1\n0.5,50,0.98,0.95,1\n0.1,10,0.8,0.6,0.9\n")
    return tmp_path


def test_between_what_was_measured(checkpoint):
    assert expected_cosine(checkpoint, 0.3) == pytest.approx((0.89, 0.775))
    assert expected_cosine(checkpoint, 1.0) == (1.0, 1.0)
    assert expected_cosine(checkpoint, 0.01) == pytest.approx((0.8, 0.6))


def test_checkpoint_that_does_not_say(tmp_path):
    assert expected_cosine(tmp_path, 0.3) is None
    assert doubt(None, 0.3) is None


def test_warns_where_one_vector_in_twenty_is_far_off(checkpoint):
    assert doubt(expected_cosine(checkpoint, 0.5), 0.5) is None
    assert "10.0%" in doubt(expected_cosine(checkpoint, 0.1), 0.1)
