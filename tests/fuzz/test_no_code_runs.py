"""Nothing that is loaded is a pickle: neither in the source, nor when somebody plants one."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import re
import shutil
import tokenize
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

import specformer as sf
from specformer.baselines import fit_linear
from specformer.model import _registry

ROOT = Path(__file__).parents[2]
CHECKPOINT = ROOT / "tests" / "data" / "checkpoint_format_1" / "published"
RUNS_CODE = re.compile(
    r"\bpickle\b|\btorch\.load\b|\bjoblib\b|\bdill\b|allow_pickle|read_pickle|\bmarshal\b|\bshelve\b|(?<![.\w])(eval|exec)\(|"
    r"os\.system|trust_remote_code|yaml\.(unsafe_)?load\("
)


def code(path):
    """A file without comments and strings: in prose and messages pickles may be spoken of."""
    with path.open("rb") as file:
        return (
            "".join(
                f"{token.string} " if token.type == tokenize.NAME else token.string
                for token in tokenize.tokenize(file.readline)
                if token.type in (tokenize.NAME, tokenize.OP, tokenize.NEWLINE)
            )
            .replace(" .", ".")
            .replace(" (", "(")
            .replace(" =", "=")
        )


@pytest.fixture
def checkpoint(tmp_path):
    return Path(shutil.copytree(CHECKPOINT, tmp_path / "checkpoint"))


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


def test_no_reader_of_pickles_is_in_the_source():
    found = {}
    for path in sorted((ROOT / "src" / "specformer").rglob("*.py")):
        if lines := [line for line in code(path).splitlines() if RUNS_CODE.search(line)]:
            found[path.relative_to(ROOT / "src" / "specformer").as_posix()] = lines
    assert not found


def test_the_search_sees_what_it_is_for(tmp_path):
    lines = ("x = torch.load(path)", "np.load(p, allow_pickle=True)", "import pickle", "joblib.load(p)", "eval(text)")
    for line in lines:
        (tmp_path / "code.py").write_text(f"{line}  # comment\n")
        assert RUNS_CODE.search(code(tmp_path / "code.py")), line
    (tmp_path / "code.py").write_text('model.eval()\nmsg = "a pickle"  # torch.load(\n')
    assert not RUNS_CODE.search(code(tmp_path / "code.py"))


def test_a_pickle_beside_the_weights_is_never_read(checkpoint, tmp_path):
    bomb = pickle.dumps(Bomb(tmp_path / "exploded"))
    for place in (checkpoint, checkpoint / "heads" / "letter"):
        for name in ("model.bin", "pytorch_model.bin", "model.pt", "training_args.bin", "scaler.pkl"):
            (place / name).write_bytes(bomb)
    sf.model.load(checkpoint)
    sf.model.load_head("letter", checkpoint)
    assert not (tmp_path / "exploded").exists()
    pickle.loads(bomb)
    assert (tmp_path / "exploded").exists(), "it would have gone off"


@pytest.mark.parametrize("name", ["model.safetensors", "genes.csv", "config.json", "heads/letter/model.safetensors"])
def test_a_pickle_in_place_of_a_file_is_never_read(checkpoint, tmp_path, name):
    (checkpoint / name).write_bytes(pickle.dumps(Bomb(tmp_path / "exploded")))
    read = partial(sf.model.load_head, "letter") if name.startswith("heads") else sf.model.load
    with pytest.raises(ValueError, match=re.escape(Path(name).name)):
        read(checkpoint)
    assert not (tmp_path / "exploded").exists()


def test_pickled_arrays_are_never_read(cohort, tmp_path):
    bomb = np.array([Bomb(tmp_path / "exploded")], dtype=object)
    genes = sf.train.build_vocabulary(cohort, weighting="median")
    expected = np.array(sf.train.rank_store(cohort, genes, path=tmp_path / "ranks").ranks)
    [file] = (tmp_path / "ranks").glob("*.npy")
    np.save(file, bomb)
    np.testing.assert_array_equal(sf.train.rank_store(cohort, genes, path=tmp_path / "ranks").ranks, expected)

    embedder = fit_linear(cohort, n_dims=2)
    embedder.write(tmp_path / "linear")
    np.savez(tmp_path / "linear" / "arrays.npz", method=bomb)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        type(embedder).read(tmp_path / "linear")
    assert not (tmp_path / "exploded").exists()


def test_a_config_cannot_name_code(checkpoint):
    """transformers would fetch an attention kernel by such a name, and pick classes by `auto_map`."""
    config = json.loads((checkpoint / "config.json").read_text())
    extra = {
        "attn_implementation": "somebody/kernel",
        "_attn_implementation": "somebody/kernel",
        "auto_map": {"AutoModel": "somebody/code--modeling.Model"},
        "is_decoder": True,
        "quantization_config": {"quant_method": "bitsandbytes"},
    }
    plain = sf.model.load(checkpoint).model
    (checkpoint / "config.json").write_text(json.dumps(config | extra))
    loaded = sf.model.load(checkpoint)
    assert loaded.config._attn_implementation in (None, "sdpa")
    assert not loaded.config.is_decoder
    ids = torch.arange(3, 11)[None, None]
    assert torch.equal(loaded.model(ids).vector, plain(ids).vector)


def test_a_head_is_looked_for_in_its_folder_alone(checkpoint, tmp_path):
    shutil.copytree(checkpoint / "heads" / "letter", tmp_path / "elsewhere")
    shutil.copytree(checkpoint / "heads" / "letter", checkpoint / "heads" / ".letter.killed")
    for name in ("../../elsewhere", "..", ".letter.killed", "letter/../letter", "/letter", ""):
        with pytest.raises((FileNotFoundError, ValueError)):
            sf.model.load_head(name, checkpoint) if name else sf.model.load_head("nothing", checkpoint)
    with pytest.raises(FileNotFoundError, match=r"It has: 'letter'\. Fit one"):
        sf.model.load_head("../../elsewhere", checkpoint)


def test_an_archive_cannot_write_outside_of_the_cache(checkpoint, tmp_path, monkeypatch):
    archive = tmp_path / "evil.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for path in checkpoint.rglob("*"):
            opened.write(path, path.relative_to(checkpoint))
        opened.writestr("../../../outside.txt", "x")
        opened.writestr(str(tmp_path / "absolute.txt"), "x")
    sha256 = hashlib.sha256(archive.read_bytes()).hexdigest()
    monkeypatch.setitem(_registry.DOWNLOADS, "evil-1", _registry.Download(archive.as_uri(), sha256))
    monkeypatch.setattr(sf.settings, "cachedir", tmp_path / "deep" / "cache")
    monkeypatch.setattr("pooch.retrieve", lambda *_, **__: str(archive))  # pooch has no file:// addresses
    sf.model.load("evil-1")
    assert not (tmp_path / "absolute.txt").exists()
    outside = [path for path in tmp_path.rglob("outside.txt") if "checkpoints" not in path.parts]
    assert not outside
