from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import specformer as sf
from specformer.pp._split import split_by_hash, split_within_strata, uniform_of

FRACTIONS = (0.9, 0.05, 0.05)


def cohort(patient, cancer_type):
    obs = pd.DataFrame({"patient": patient, "cancer_type": cancer_type}, index=[f"s{i}" for i in range(len(patient))])
    return ad.AnnData(np.ones((len(obs), 1)), obs=obs)


def side_of(adata, **kwargs):
    sf.pp.split(adata, **kwargs)
    return dict(zip(adata.obs["patient"], adata.obs["split"].astype(str), strict=True))


@st.composite
def cohorts(draw):
    n = draw(st.integers(1, 60))
    patient = [f"p{i}" for i in draw(st.lists(st.integers(0, 30), min_size=n, max_size=n))]
    label = draw(st.lists(st.sampled_from(["A", "B", None]), min_size=n, max_size=n))
    return patient, label, np.array(draw(st.permutations(range(n))))


@settings(max_examples=200)
@given(cohorts(), st.sampled_from([None, "cancer_type"]))
def test_a_patient_is_on_one_side_in_any_row_order(drawn, stratify):
    patient, label, order = drawn
    adata = cohort(patient, label)
    sides = side_of(adata, stratify=stratify)
    assert adata.obs.groupby("patient")["split"].nunique().max() == 1
    assert side_of(adata[order].copy(), stratify=stratify) == sides


@settings(max_examples=100)
@given(cohorts(), cohorts())
def test_without_strata_the_side_holds_across_files(one, other):
    sides, other_sides = (side_of(cohort(patient, label), stratify=None) for patient, label, _ in (one, other))
    assert all(sides[name] == other_sides[name] for name in sides.keys() & other_sides.keys())


@settings(max_examples=200)
@given(
    st.dictionaries(st.sampled_from("ABCDE"), st.integers(1, 120), min_size=1),
    st.sampled_from([FRACTIONS, (0.7, 0.1, 0.2), (0.5, 0.5, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)]),
)
def test_every_class_is_divided_within_one_patient_of_its_share(sizes, fractions):
    label = [name for name, size in sizes.items() for _ in range(size)]
    sides = pd.Series(split_within_strata([f"p{i}" for i in range(len(label))], label, fractions))
    for name, size in sizes.items():
        own = sides[[f"p{i}" for i in range(len(label)) if label[i] == name]]
        for side, fraction in zip(("train", "val", "test"), fractions, strict=True):
            assert abs((own == side).sum() - fraction * size) <= 1
            assert fraction > 0 or side not in set(own)


def test_rare_classes_do_not_all_go_to_training():
    label = [f"type{i // 5}" for i in range(1000)]
    sides = pd.Series(split_within_strata([f"p{i}" for i in range(1000)], label, FRACTIONS))
    counts = sides.value_counts()
    assert 860 < counts["train"] < 940
    assert counts["val"] > 25
    assert counts["test"] > 25


def test_shares_without_strata():
    counts = pd.Series(split_by_hash([f"p{i}" for i in range(20_000)], FRACTIONS)).value_counts(normalize=True)
    assert counts["train"] == pytest.approx(0.9, abs=0.01)
    assert counts["val"] == pytest.approx(0.05, abs=0.005)
    assert counts["test"] == pytest.approx(0.05, abs=0.005)


def test_the_hash_is_the_same_everywhere():
    """Figures written down once: published splits must not move with a release."""
    assert uniform_of("TCGA-OR-A5J1", salt="specformer") == pytest.approx(0.3868681766299489, abs=1e-15)
    sides = split_by_hash([f"TCGA-{i:04d}" for i in range(6)], (0.5, 0.25, 0.25), salt="specformer")
    assert list(sides.values()) == ["train", "val", "val", "train", "val", "test"]


def test_a_tumour_and_a_normal_of_one_patient_count_once():
    adata = cohort(["p1", "p1", "p1", "p2"], ["LUAD", "normal", "LUAD", "normal"])
    sides = split_within_strata(adata.obs["patient"], adata.obs["cancer_type"], FRACTIONS)
    assert sides == split_within_strata(["p1", "p2"], ["LUAD", "normal"], FRACTIONS)


def test_another_salt_is_another_split():
    patient = [f"p{i}" for i in range(200)]
    one, other = (side_of(cohort(patient, ["A"] * 200), salt=salt, fractions=(0.5, 0.25, 0.25)) for salt in ("a", "b"))
    assert one != other


def test_groupby_none_takes_each_sample_for_itself():
    adata = cohort(["p"] * 100, ["A"] * 100)
    sf.pp.split(adata, groupby=None, stratify=None)
    assert adata.obs["split"].nunique() == 3


def test_what_is_written():
    adata = cohort([f"p{i}" for i in range(40)], ["A"] * 40)
    copied = sf.pp.split(adata, copy=True)
    assert list(adata.obs) == ["patient", "cancer_type"]
    assert copied.obs["split"].cat.categories.tolist() == ["train", "val", "test"]
    assert copied.uns["split"] == {
        "fractions": [0.9, 0.05, 0.05],
        "groupby": "patient",
        "stratify": "cancer_type",
        "salt": "specformer",
    }
    assert sf.pp.split(adata[:20]) is None


def test_categorical_columns_and_repeated_sample_names():
    adata = cohort(["p1", "p2", "p1"], ["A", "B", "A"])
    adata.obs = adata.obs.astype("category")
    adata.obs_names = ["s", "s", "t"]
    sf.pp.split(adata)
    assert adata.obs["split"].iloc[0] == adata.obs["split"].iloc[2]


@pytest.mark.parametrize("fractions", [(0.9, 0.1), (0.9, 0.2, 0.1), (1.2, -0.1, -0.1)])
def test_fractions_must_be_three_shares_of_one(fractions):
    with pytest.raises(ValueError, match="expected the shares of train, val and test, which sum to 1"):
        sf.pp.split(cohort(["p"], ["A"]), fractions=fractions)


def test_missing_columns_and_patients_are_named():
    adata = cohort(["p1", None, "p3"], ["A", "A", "A"])
    with pytest.raises(ValueError, match=r"`adata.obs\['patient'\]` is missing in 1 of 3 samples: 's1'.*groupby=None"):
        sf.pp.split(adata)
    with pytest.raises(KeyError, match=r"Did not find `adata.obs\['donor'\]`.*groupby=None.*'patient'"):
        sf.pp.split(adata, groupby="donor")
    del adata.obs["cancer_type"]
    adata.obs["patient"] = ["p1", "p2", "p3"]
    with pytest.raises(KeyError, match=r"Did not find `adata.obs\['cancer_type'\]`.*stratify=None"):
        sf.pp.split(adata)
    assert "split" not in adata.obs


@pytest.mark.real_data
def test_real_patients_keep_their_side_in_every_file(real_data):
    sides = [
        side_of(ad.read_h5ad(real_data / f"{file}.h5ad", backed="r").to_memory(), stratify=None)
        for file in ("tcga_htseq_counts", "tcga_rsem_normalized")
    ]
    shared = sides[0].keys() & sides[1].keys()
    assert len(shared) > 100
    assert all(sides[0][name] == sides[1][name] for name in shared)
