from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from specformer.ranking import SCHEMES, normalise_rows, parse_scheme

X = np.float32([[10, 0, 30, 60], [1, 1, 0, 2]])
lengths = np.array([1000.0, 500.0, 3000.0, 2000.0])
by_hand = {
    "cpm": [[1e5, 0, 3e5, 6e5], [25e4, 25e4, 0, 5e5]],
    "fpkm": [[1e5, 0, 1e5, 3e5], [25e4, 5e5, 0, 25e4]],
    "tpm": [[2e5, 0, 2e5, 6e5], [25e4, 5e5, 0, 25e4]],
    "uq": [[222.2222, 0, 666.6667, 1333.3333], [666.6667, 666.6667, 0, 1333.3333]],
}


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_matrix])
def test_every_scheme_equals_arithmetic_by_hand(scheme, container):
    found = normalise_rows(container(X), scheme, lengths)
    unit, added = parse_scheme(scheme)
    expected = np.array(by_hand[unit])
    assert found.dtype == np.float32
    assert sparse.issparse(found) == (container is sparse.csr_matrix and added != 0.001)
    found = found.toarray() if sparse.issparse(found) else found
    np.testing.assert_allclose(found, expected if added is None else np.log2(expected + added), rtol=1e-5)


def test_unknown_schemes_and_missing_lengths_are_errors():
    with pytest.raises(ValueError, match="'rpm'; expected one of 'cpm'"):
        normalise_rows(X, "rpm")
    with pytest.raises(ValueError, match="'tpm' needs the length"):
        normalise_rows(X, "log2tpm")
