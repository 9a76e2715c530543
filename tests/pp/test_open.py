from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

from specformer.pp._open import open_cohort


@pytest.mark.parametrize("kind", ["h5ad", "zarr"])
def test_expression_stays_on_disk(cohort, tmp_path, kind):
    cohort.layers["twice"] = 2 * cohort.X
    path = tmp_path / f"cohort.{kind}"
    cohort.write_h5ad(path) if kind == "h5ad" else cohort.write_zarr(path)
    opened = open_cohort(path)
    assert opened.isbacked if kind == "h5ad" else isinstance(opened.X, da.Array)
    np.testing.assert_array_equal(opened.X[3:9] if kind == "h5ad" else opened.X[3:9].compute(), cohort.X[3:9])
    np.testing.assert_array_equal(np.asarray(opened.layers["twice"]), 2 * cohort.X)
    assert opened.obs["kind"].equals(cohort.obs["kind"])


def test_what_is_no_cohort_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file .*cohort\.h5ad"):
        open_cohort(tmp_path / "cohort.h5ad")
    (tmp_path / "cohort.csv").write_text("")
    with pytest.raises(ValueError, match=r"neither an \.h5ad file nor a \.zarr store"):
        open_cohort(tmp_path / "cohort.csv")
