from __future__ import annotations

import numpy as np
import pytest

from specformer import bench
from specformer.bench import _cohorts


def write(simulated, gene_sets, folder):
    for name, adata in simulated.items():
        adata.write_h5ad(folder / _cohorts.FILES[name])
    (folder / "pathways").mkdir()
    lines = ["\t".join([name, "somewhere", *genes]) for name, genes in gene_sets.items()]
    (folder / "pathways" / "paradigm_1387_genes.gmt").write_text("\n".join(lines) + "\n")
    return folder


def test_a_patient_is_on_one_side_everywhere(cohorts):
    sides = {}
    for name in cohorts.adatas:
        for patient, side in zip(cohorts[name].obs["patient"], cohorts[name].obs["split"], strict=True):
            assert sides.setdefault(patient, side) == side
    shares = np.mean([[side == part for part in ("train", "val", "test")] for side in sides.values()], axis=0)
    np.testing.assert_allclose(shares, _cohorts.FRACTIONS, atol=0.06)


def test_pairs_are_the_same_samples_of_one_side_row_by_row(cohorts):
    for side in ("train", "test"):
        for first, second in cohorts.pairs(side):
            assert list(first.obs_names) == list(second.obs_names)
            assert set(first.obs["split"]) == {side}
    assert len(cohorts.pairs("train")) == 2


def test_validation_patients_are_asked_in_the_place_of_test_patients(cohorts):
    asked = cohorts.asking("val")
    for name in cohorts.adatas:
        names = {side: set(cohorts[name].obs_names[cohorts.part(name, side)]) for side in ("train", "val", "test")}
        assert set(asked[name].obs_names[asked.part(name, "train")]) == names["train"]
        assert set(asked[name].obs_names[asked.part(name, "test")]) == names["val"]
        assert not names["test"] & set(asked[name].obs_names)
    assert asked.gene_sets == cohorts.gene_sets
    for name, same in cohorts.asking("test").adatas.items():
        assert list(same.obs_names) == list(cohorts[name].obs_names)
        assert list(same.obs["split"]) == list(cohorts[name].obs["split"])


def test_a_directory_is_read_as_it_was_written(simulated, gene_sets, tmp_path):
    found = bench.read_cohorts(write(simulated, gene_sets, tmp_path))
    assert set(found.adatas) == set(simulated)
    assert found.gene_sets == gene_sets
    np.testing.assert_array_equal(found["panel"].X, simulated["panel"].X)
    (tmp_path / _cohorts.FILES["wide"]).unlink()
    assert "wide" not in bench.read_cohorts(tmp_path)


def test_an_empty_directory_and_repeated_names_are_refused(simulated, tmp_path):
    with pytest.raises(ValueError, match="tcga_gtex_panel"):
        bench.read_cohorts(tmp_path)
    twice = simulated["panel"].copy()
    twice.obs_names = ["same"] * twice.n_obs
    with pytest.raises(ValueError, match="repeated sample names"):
        bench.divided({"panel": twice})


def test_the_command_writes_table_text_and_picture(simulated, gene_sets, tmp_path, monkeypatch, capsys):
    import specformer as sf
    from specformer.bench.__main__ import main

    monkeypatch.setattr(sf.settings, "cachedir", tmp_path / "cache")
    (tmp_path / "data").mkdir()
    data = write(simulated, gene_sets, tmp_path / "data")
    main(
        ["--data", str(data), "--out", str(tmp_path / "out"), "--linear-only", "--n-boot", "5", "--axes", "tumour type"]
    )
    assert "18 figures" in capsys.readouterr().out
    assert (tmp_path / "out" / "bench.csv").read_text().startswith("axis,cohort")
    assert "### Tumour type" in (tmp_path / "out" / "bench.md").read_text()
    assert (tmp_path / "out" / "bench.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(SystemExit, match="No cohort"):
        main(["--data", str(tmp_path / "out"), "--linear-only"])
