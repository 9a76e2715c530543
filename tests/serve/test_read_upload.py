"""Files that are expression are read, all others are refused with a sentence, and nothing in them is run."""

from __future__ import annotations

import gzip
import io
import pickle
import zipfile

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import specformer as sf
from specformer.serve import read_upload


@pytest.fixture(scope="module")
def small():
    adata = sf.datasets.simulated_cohort(6, groups=["ACC", "STAD"])
    return adata[:, :50].copy()


@pytest.fixture
def h5ad(small, tmp_path):
    small.write_h5ad(tmp_path / "cohort.h5ad")
    return tmp_path / "cohort.h5ad"


def frame_of(adata) -> pd.DataFrame:
    return pd.DataFrame(adata.X, index=adata.obs_names, columns=adata.var_names)


def test_h5ad(h5ad, small):
    read = read_upload(h5ad)
    np.testing.assert_array_equal(read.X, small.X)
    assert list(read.var_names) == list(small.var_names)


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
@pytest.mark.parametrize("separator", [",", "\t", ";"])
@pytest.mark.parametrize("genes_are_rows", [True, False])
def test_tables_either_way_round(small, tmp_path, suffix, separator, genes_are_rows):
    frame = frame_of(small)
    path = tmp_path / f"cohort{suffix}"
    (frame.T if genes_are_rows else frame).to_csv(path, sep=separator)
    read = read_upload(path)
    assert list(read.obs_names) == list(small.obs_names)
    assert list(read.var_names) == list(small.var_names)
    np.testing.assert_array_equal(read.X, small.X)


def test_text_columns_are_annotation(small, tmp_path):
    frame_of(small).assign(diagnosis="x").to_csv(tmp_path / "a.csv")
    assert read_upload(tmp_path / "a.csv").obs["diagnosis"].tolist() == ["x"] * 6
    table = frame_of(small).T
    table.insert(0, "gene_name", "y")
    table.to_csv(tmp_path / "b.tsv", sep="\t")
    assert read_upload(tmp_path / "b.tsv").var["gene_name"].tolist() == ["y"] * 50


def test_a_featurecounts_table(small, tmp_path):
    table = frame_of(small).T
    for i, (name, value) in enumerate(
        {"Chr": "1;1", "Start": "5;9", "End": "7;12", "Strand": "+;+", "Length": 5}.items()
    ):
        table.insert(i, name, value)
    path = tmp_path / "counts.tsv"
    path.write_text("# Program:featureCounts v2.0.6\n" + table.to_csv(sep="\t"))
    read = read_upload(path)
    assert list(read.obs_names) == list(small.obs_names)
    assert {"Chr", "Length"} <= set(read.var)


def test_a_table_of_r_without_a_name_for_names(small, tmp_path):
    body = frame_of(small).T.to_csv(sep="\t", header=False)
    (tmp_path / "r.tsv").write_text("\t".join(small.obs_names) + "\n" + body)
    assert list(read_upload(tmp_path / "r.tsv").obs_names) == list(small.obs_names)


def test_entrez_numbers_stay_names(tmp_path):
    numbers = ["7157", "1956", "4609", "2064", "672", "675", "5728", "1029", "3845", "4893", "673", "5290"]
    (tmp_path / "e.csv").write_text("gene,s1,s2\n" + "".join(f"{number},5,0\n" for number in numbers))
    read = read_upload(tmp_path / "e.csv")
    assert list(read.var_names) == numbers
    assert list(read.obs_names) == ["s1", "s2"]


def test_a_sample_with_one_bad_number_is_not_lost_silently(small, tmp_path):
    table = frame_of(small).T.astype(object)
    table.iloc[3, 1] = "n/a."
    table.to_csv(tmp_path / "a.csv")
    with pytest.raises(ValueError, match=r"Column 'sim00001' holds numbers but also 'n/a\.'"):
        read_upload(tmp_path / "a.csv")


def test_too_large(h5ad):
    with pytest.raises(ValueError, match="at most 0 MB are taken"):
        read_upload(h5ad, max_megabytes=0)


def test_the_limit_is_the_setting(tmp_path, monkeypatch):
    monkeypatch.setattr(sf.settings, "max_upload_mb", 1)
    (tmp_path / "a.csv").write_bytes(b"a," * (1 << 20))
    with pytest.raises(ValueError, match=r"has 2\.0 MB; at most 1 MB"):
        read_upload(tmp_path / "a.csv")


class Bomb:
    def __reduce__(self):
        return (print, ("ran",))


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.csv", "gene,s1\nTP53,1\n")
    return buffer.getvalue()


GENES = b"TP53 EGFR MYC ERBB2 BRCA1 BRCA2 PTEN CDKN2A KRAS NRAS BRAF PIK3CA".split()
NOT_EXPRESSION = {
    "pickle": (pickle.dumps(Bomb()), "Python pickle"),
    "zip": (zipped(), "zip archive"),
    "gzip": (gzip.compress(b"gene,s1\nTP53,1\n"), "gzip archive"),
    "picture": (b"\x89PNG\r\n\x1a\n" + bytes(64), "a picture"),
    "binary": (b"abc\x00\x01def", "binary file"),
    "empty": (b"", "is empty"),
    "prose": (b"Dear colleague,\n\nplease find the data attached.\n", "not a table|Neither the rows nor"),
    "latin1": ("gene,s1\nTP53,1\nprobe\xe9,2\n".encode("latin-1"), "UTF-8"),
    "one column": (b"TP53\nEGFR\nMYC\n", "not a table"),
    "no numbers": (b"gene,s1\n" + b"".join(b"%s,high\n" % gene for gene in GENES), "no column of numbers"),
    "sample names like aliases": (b"animal,s1,s2\nwombat,1,2\nostrich,3,4\n", "Only 2 names are known|human genes"),
    "ragged": (b"gene,s1\nTP53,1\nEGFR,1,2,3\n", "not a table"),
    "strangers": (b"animal,x-1,x-2\nwombat,1,2\nostrich,3,4\n", "Neither the rows nor the columns are human genes"),
}


@pytest.mark.parametrize(("content", "says"), NOT_EXPRESSION.values(), ids=NOT_EXPRESSION)
@pytest.mark.parametrize("suffix", [".csv", ".h5ad"])
def test_what_is_no_expression_is_refused(tmp_path, capsys, suffix, content, says):
    path = tmp_path / f"file{suffix}"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=says if suffix == ".csv" else "named .h5ad but is|is empty"):
        read_upload(path)
    assert "ran" not in capsys.readouterr().out


@pytest.mark.parametrize("suffix", [".pkl", ".zip", ".rds", ""])
def test_other_suffixes_are_refused(tmp_path, suffix):
    path = tmp_path / f"file{suffix}"
    path.write_text("gene,s1\nTP53,1\n")
    with pytest.raises(ValueError, match=r"are not read here; expected one of \.h5ad"):
        read_upload(path)


def test_another_layout_of_hdf5(tmp_path):
    with h5py.File(tmp_path / "a.h5ad", "w") as file:
        file["matrix/data"] = [1, 2]
    with pytest.raises(ValueError, match=r"not the layout of AnnData: X, obs, var missing, found 'matrix'"):
        read_upload(tmp_path / "a.h5ad")


def test_a_truncated_file(h5ad):
    h5ad.write_bytes(h5ad.read_bytes()[:3000])
    with pytest.raises(ValueError, match="cannot be read as"):
        read_upload(h5ad)


@pytest.mark.parametrize("kind", ["external link", "soft link", "external data", "virtual data"])
def test_data_elsewhere_is_not_followed(h5ad, tmp_path, kind):
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(range(200)))
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = np.arange(9)
    with h5py.File(h5ad, "a") as file:
        if kind == "external link":
            file["uns/x"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/x")
        elif kind == "soft link":
            file["uns/x"] = h5py.SoftLink("/uns")
        elif kind == "external data":
            file.create_dataset("uns/x", (200,), "u1", external=[(str(secret), 0, 200)])
        else:
            layout = h5py.VirtualLayout((9,), "i8")
            layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "x", (9,))
            file.create_virtual_dataset("uns/x", layout)
    with pytest.raises(ValueError, match=r"points to data elsewhere \('uns/x'\)"):
        read_upload(h5ad)


def test_a_file_that_unpacks_to_too_much(h5ad):
    with h5py.File(h5ad, "a") as file:
        file.create_dataset("layers/huge", (10**6, 10**5), "f4", chunks=(1000, 1000), compression="gzip")
    assert h5ad.stat().st_size < 1e6
    with pytest.raises(ValueError, match=r"Unpacked the file has 400\.0 GB"):
        read_upload(h5ad)


def test_sparse_indices_that_point_outside(small, tmp_path):
    adata = ad.AnnData(sparse.csr_matrix(small.X), obs=small.obs, var=small.var)
    adata.write_h5ad(tmp_path / "a.h5ad")
    with h5py.File(tmp_path / "a.h5ad", "a") as file:
        file["X/indices"][0] = 10**6
    with pytest.raises(ValueError, match="sparse matrix in X is damaged"):
        read_upload(tmp_path / "a.h5ad")


def test_a_file_without_x(small, tmp_path):
    adata = small.copy()
    adata.layers["counts"], adata.X = adata.X, None
    adata.write_h5ad(tmp_path / "a.h5ad")
    with pytest.raises(ValueError, match=r"X missing|holds no X"):
        read_upload(tmp_path / "a.h5ad")
