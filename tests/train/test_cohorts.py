from __future__ import annotations

import numpy as np
import pytest

from specformer.train._cohorts import open_cohorts, sides_of


def test_the_split_in_obs_decides(cohort):
    cohort.obs["split"] = ["train"] * 20 + ["val"] * 5 + ["test"] * 5
    [side] = sides_of([cohort], validation=0.5)
    assert side.tolist() == cohort.obs["split"].tolist()
    cohort.obs["split"] = ["train"] * 29 + ["dev"]
    with pytest.raises(ValueError, match="holds 'dev'; expected 'train', 'val' and 'test'"):
        sides_of([cohort], validation=0.5)


def test_patients_stay_together_in_every_cohort(cohort):
    cohort.obs["patient"] = [f"p{i // 3}" for i in range(30)]
    other = cohort[15:].copy()
    other.obs_names = [f"{name}-b" for name in other.obs_names]
    first, second = sides_of([cohort, other], validation=0.4)
    sides = {}
    for patient, side in zip([*cohort.obs["patient"], *other.obs["patient"]], [*first, *second], strict=True):
        assert sides.setdefault(patient, side) == side
    assert set(sides.values()) == {"train", "val"}


def test_a_patient_on_two_sides_is_an_error(cohort):
    cohort.obs["patient"] = "one"
    cohort.obs["split"] = ["train"] * 29 + ["val"]
    with pytest.raises(ValueError, match="The patient 'one' is both in 'train' and in 'val'"):
        sides_of([cohort], validation=0)
    del cohort.obs["patient"]
    other = cohort.copy()
    other.obs["split"] = ["val"] * 30
    with pytest.raises(ValueError, match="The sample 'sample0' is both in 'train' and in 'val'"):
        sides_of([cohort, other], validation=0)


def test_a_cohort_without_a_split_follows_the_one_with(cohort):
    other = cohort[10:].copy()
    given = cohort[:20].copy()
    given.obs["split"] = ["test"] * 15 + ["train"] * 5
    first, second = sides_of([other, given], validation=0.5)
    assert second.tolist() == given.obs["split"].tolist()
    assert first[:10].tolist() == given.obs["split"][10:].tolist()
    assert "test" not in first[10:]


def test_no_validation_is_no_validation(cohort):
    [side] = sides_of([cohort], validation=0)
    assert set(side) == {"train"}
    cohort.obs["split"] = "test"
    with pytest.raises(ValueError, match="No sample is on the training side"):
        sides_of([cohort], validation=0)


def test_a_share_of_patients_is_held_out(cohort):
    many = cohort[np.zeros(2000, int)].copy()
    many.obs_names = [f"s{i}" for i in range(2000)]
    [side] = sides_of([many], validation=0.1)
    assert abs((side == "val").mean() - 0.1) < 4 * (0.09 / 2000) ** 0.5


def test_what_cannot_be_opened(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no file"):
        open_cohorts(tmp_path / "absent.h5ad")
    (tmp_path / "table.csv").write_text("")
    with pytest.raises(ValueError, match=r"neither an \.h5ad file nor a \.zarr store"):
        open_cohorts([tmp_path / "table.csv"])
    with pytest.raises(ValueError, match="an empty list"):
        open_cohorts([])
