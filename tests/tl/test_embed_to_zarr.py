from __future__ import annotations

import json
import signal
import subprocess
import sys

import anndata as ad
import numpy as np
import pytest
from scipy import sparse

import specformer as sf
from specformer.tl import _embedding_store

pytest.importorskip("zarr", minversion="3")

N_OBS, BLOCK = 40, 16  # 3 blocks of the fixture's samples, the last one short


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    monkeypatch.setattr(_embedding_store, "BLOCK", BLOCK)


@pytest.fixture(params=["zarr", "zarr csr", "h5ad", "h5ad csr"])
def stored(request, counts, tmp_path):
    adata = counts.copy()
    if "csr" in request.param:
        adata.X = sparse.csr_matrix(adata.X)
    path = tmp_path / f"cohort.{request.param.split()[0]}"
    if "zarr" in request.param:
        adata.write_zarr(path, chunks=(7, 50) if isinstance(adata.X, np.ndarray) else None)
    else:
        adata.write_h5ad(path)
    return path


@pytest.fixture
def cohort_path(counts, tmp_path):
    counts.write_h5ad(tmp_path / "cohort.h5ad")
    return tmp_path / "cohort.h5ad"


@pytest.fixture(scope="module")
def expected(counts, anchored):
    return sf.tl.specformer_embed(counts, anchored, batch_size=BLOCK, copy=True)


def read(path):
    return ad.read_zarr(path)


def test_equals_the_embedding_in_memory_bit_for_bit(stored, counts, anchored, expected, tmp_path):
    out = sf.tl.embed_to_zarr(stored, tmp_path / "out.zarr", anchored, batch_size=BLOCK)
    found = read(out)
    np.testing.assert_array_equal(found.obsm["X_specformer"], expected.obsm["X_specformer"])
    assert found.obsm["X_specformer"].dtype == np.float32
    assert found.obs_names.tolist() == counts.obs_names.tolist()
    assert found.obs["cancer_type"].tolist() == counts.obs["cancer_type"].tolist()
    note = found.uns["specformer"]
    assert note["checkpoint"]["sha256"] == anchored.sha256
    assert note["scale"]["name"] == "counts"
    assert note["params"] == expected.uns["specformer"]["params"]
    assert not out.with_name("out.zarr.partial").exists()


# Started in a process of its own; kills itself where it is told.
RUN = """
import os, signal, sys
import specformer as sf
from specformer.tl import _embedding_store

sf.settings.progress = False
_embedding_store.BLOCK = int(sys.argv[4])
where, after = sys.argv[5], int(sys.argv[6])
blocks, hashed = 0, _embedding_store._hash

def counted(values):
    # Called when a block is in the store, and before its seal is.
    global blocks
    blocks += 1
    if where == "before the seal" and blocks == after:
        os.kill(os.getpid(), signal.SIGKILL)
    if where == "within the seal" and blocks == after:
        seals = os.path.join(sys.argv[2] + ".partial", "seals.jsonl")
        with open(seals, "a") as file:
            file.write("[16, \\"ab")
        os.kill(os.getpid(), signal.SIGKILL)
    return hashed(values)

_embedding_store.EmbeddingStore.fill.__globals__["_hash"] = counted
sf.tl.embed_to_zarr(sys.argv[1], sys.argv[2], sys.argv[3], batch_size=int(sys.argv[4]))
"""


def in_a_process(cohort_path, out, checkpoint, where="", after=0):
    arguments = [cohort_path, out, checkpoint.path, BLOCK, where, after]
    return subprocess.run(
        [sys.executable, "-c", RUN, *map(str, arguments)], capture_output=True, text=True, check=False
    )


def test_killed_and_resumed_equals_uninterrupted_bit_for_bit(cohort_path, anchored, expected, tmp_path):
    out = tmp_path / "out.zarr"
    partial = tmp_path / "out.zarr.partial"
    first = in_a_process(cohort_path, out, anchored, "before the seal", 2)
    assert first.returncode == -signal.SIGKILL, first.stderr
    assert not out.exists()
    assert len((partial / "seals.jsonl").read_text().splitlines()) == 1
    # Nothing sealed is made again; a seal that was never finished is none. Hashes of what is sealed are counted too.
    second = in_a_process(cohort_path, out, anchored, "within the seal", 1 + 1)
    assert second.returncode == -signal.SIGKILL, second.stderr
    assert "going on: 1 of 3 blocks are there" in second.stderr
    # A block that was damaged since is made again, seal or not.
    last = in_a_process(cohort_path, out, anchored)
    assert last.returncode == 0, last.stderr
    assert "going on: 1 of 3 blocks are there" in last.stderr
    np.testing.assert_array_equal(read(out).obsm["X_specformer"], expected.obsm["X_specformer"])
    assert not partial.exists()


@pytest.fixture
def begun(cohort_path, anchored, tmp_path, monkeypatch):
    """A run that was interrupted after two of three blocks."""
    out = tmp_path / "out.zarr"
    encode = sf.tl._embed_to_zarr.encode_ranks

    def interrupted(*args, **kwargs):
        for n, encoded in enumerate(encode(*args, **kwargs)):
            if n == 2:
                raise KeyboardInterrupt
            yield encoded

    with monkeypatch.context() as patched:
        patched.setattr(sf.tl._embed_to_zarr, "encode_ranks", interrupted)
        with pytest.raises(KeyboardInterrupt):
            sf.tl.embed_to_zarr(cohort_path, out, anchored, batch_size=BLOCK)
    return out


def test_a_damaged_block_is_made_again(begun, cohort_path, anchored, expected, capsys):
    [chunk] = [p for p in begun.with_name("out.zarr.partial").rglob("X_specformer/*") if p.name in ("0.0", "c")]
    chunk = chunk if chunk.is_file() else chunk / "0" / "0"
    chunk.unlink()
    sf.tl.embed_to_zarr(cohort_path, begun, anchored, batch_size=BLOCK)
    assert "going on: 1 of 3 blocks are there" in capsys.readouterr().err
    np.testing.assert_array_equal(read(begun).obsm["X_specformer"], expected.obsm["X_specformer"])


def test_beginnings_of_another_embedding_are_refused(begun, cohort_path, counts, anchored, tmp_path):
    before = sorted(p.name for p in begun.with_name("out.zarr.partial").iterdir())
    changed = counts.copy()
    changed.X[39, 3] += 1
    changed.write_h5ad(tmp_path / "changed.h5ad")
    with pytest.raises(ValueError, match="beginnings of an embedding, and it was made with other 'cohort'"):
        sf.tl.embed_to_zarr(tmp_path / "changed.h5ad", begun, anchored, batch_size=BLOCK)
    with pytest.raises(ValueError, match="with other 'max_windows'"):
        sf.tl.embed_to_zarr(cohort_path, begun, anchored, batch_size=BLOCK, max_windows=2)
    with pytest.raises(ValueError, match="with other 'checkpoint'"):
        sf.tl.embed_to_zarr(cohort_path, begun, anchored._replace(sha256="0" * 64), batch_size=BLOCK)
    assert sorted(p.name for p in begun.with_name("out.zarr.partial").iterdir()) == before


def test_a_finished_store_is_left_alone_or_refused(cohort_path, anchored, tmp_path, capsys):
    out = sf.tl.embed_to_zarr(cohort_path, tmp_path / "out.zarr", anchored, batch_size=BLOCK)
    times = {p: p.stat().st_mtime_ns for p in out.rglob("*")}
    sf.tl.embed_to_zarr(cohort_path, out, anchored, batch_size=BLOCK)
    assert "is this embedding" in capsys.readouterr().err
    assert {p: p.stat().st_mtime_ns for p in out.rglob("*")} == times
    with pytest.raises(ValueError, match="is there already, and it was made with other 'bypass_layers'"):
        sf.tl.embed_to_zarr(cohort_path, out, anchored, batch_size=BLOCK, bypass_layers=True)
    other = tmp_path / "other.zarr"
    other.mkdir()
    with pytest.raises(ValueError, match="no embedding that was made so"):
        sf.tl.embed_to_zarr(cohort_path, other, anchored, batch_size=BLOCK)


def test_bad_values_leave_nothing_behind(counts, anchored, tmp_path):
    adata = counts.copy()
    adata.X[4, 7] = np.nan
    adata.write_h5ad(tmp_path / "cohort.h5ad")
    with pytest.raises(ValueError, match=rf"NaN in `adata.X`.*{adata.obs_names[4]}"):
        sf.tl.embed_to_zarr(tmp_path / "cohort.h5ad", tmp_path / "out.zarr", anchored)
    with pytest.raises(FileNotFoundError, match="no file"):
        sf.tl.embed_to_zarr(tmp_path / "no.h5ad", tmp_path / "out.zarr", anchored)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cohort.h5ad"]


def test_fewer_windows_are_on_record(cohort_path, counts, anchored, tmp_path):
    out = sf.tl.embed_to_zarr(cohort_path, tmp_path / "out.zarr", anchored, batch_size=BLOCK, max_windows=2)
    found = read(out)
    assert found.uns["specformer"]["params"]["max_windows"] == 2
    assert json.loads(found.uns["specformer"]["stream"])["max_windows"] == 2
    adata = sf.tl.specformer_embed(counts, anchored, max_windows=2, windows=True, batch_size=BLOCK, copy=True)
    assert adata.obsm["X_specformer_windows"].shape[1] == 2
    np.testing.assert_array_equal(found.obsm["X_specformer"], adata.obsm["X_specformer"])
    whole = sf.tl.specformer_embed(counts, anchored, windows=True, batch_size=BLOCK, copy=True)
    np.testing.assert_array_equal(adata.obsm["X_specformer_windows"], whole.obsm["X_specformer_windows"][:, :2])
    assert np.abs(whole.obsm["X_specformer"] - adata.obsm["X_specformer"]).max() > 1e-3
    with pytest.raises(ValueError, match="`max_windows` is 0"):
        sf.tl.specformer_embed(counts, anchored, max_windows=0)
