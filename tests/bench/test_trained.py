from __future__ import annotations

import numpy as np
import pytest

from specformer import bench
from specformer.bench import _trained
from specformer.bench._trained import TRAINED_REFERENCES, content_hash


@pytest.fixture
def vae_alone(monkeypatch):
    monkeypatch.setattr(_trained, "TRAINED_REFERENCES", {"VAE": "vae"})


def test_every_one_is_trained_and_asked(cohorts):
    embedders = bench.trained_embedders(cohorts, minutes=None, steps=1)
    assert list(embedders) == list(TRAINED_REFERENCES)
    table = bench.run(embedders, cohorts, axes=["geometry"], n_boot=2)
    assert set(table["representation"]) == set(TRAINED_REFERENCES)


def test_labels_and_held_out_samples_have_no_say(cohorts, vae_alone):
    wide = cohorts["wide"]
    before = bench.trained_embedders(cohorts, minutes=None, steps=2)["VAE"](wide)
    held_out = ~cohorts.part("wide", "train")
    unscrambled = wide.copy()
    wide.X[held_out] = wide.X[held_out][:, ::-1]
    wide.obs["tissue"] = wide.obs["tissue"].to_numpy()[::-1]
    again = bench.trained_embedders(cohorts, minutes=None, steps=2)
    np.testing.assert_array_equal(again["VAE"](unscrambled), before)


def test_the_cache_knows_samples_and_budget(cohorts, vae_alone):
    folder = _trained.settings.cachedir / "baselines"

    def kept():
        return sorted(path.name for path in folder.iterdir())

    bench.trained_embedders(cohorts, minutes=None, steps=1)
    (first,) = kept()
    stamp = (folder / first).stat().st_mtime_ns
    bench.trained_embedders(cohorts, minutes=None, steps=1)
    assert kept() == [first]
    assert (folder / first).stat().st_mtime_ns == stamp
    bench.trained_embedders(cohorts, minutes=None, steps=2)
    assert len(kept()) == 2
    cohorts["wide"].X[cohorts.part("wide", "train")] += 1
    bench.trained_embedders(cohorts, minutes=None, steps=1)
    assert len(kept()) == 3


def test_the_hash_sees_values_and_names(cohorts):
    wide = cohorts["wide"]
    other = wide.copy()
    assert content_hash(other) == content_hash(wide)
    other.X[3, 5] += 1e-3
    assert content_hash(other) != content_hash(wide)
    other = wide.copy()
    other.var["symbol"] = other.var["symbol"].to_numpy()[::-1]
    assert content_hash(other) != content_hash(wide)


def test_without_the_wide_cohort_it_is_an_error(cohorts):
    alone = bench.Cohorts({"panel": cohorts["panel"]})
    with pytest.raises(ValueError, match="'wide'"):
        bench.trained_embedders(alone)
