"""The faults, each in a process of its own: `python _driver.py FOLDER SMALL_DISK` writes what each found to `FOLDER/*.json`.

All of them, and the processes that are killed, are forks of one that has paid the imports.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import torch

import specformer as sf
from specformer.datasets._fetch import fetch
from specformer.datasets._registry import Source
from specformer.genes import N_SPECIAL, GeneVocabulary
from specformer.model import Head, SpecformerConfig, SpecformerForSamples, _registry, load, load_head, save, save_head

sf.settings.progress = False
KILLS = 25
IN_THE_MIDDLE = 5


def vocabulary(n_genes: int = 60) -> GeneVocabulary:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"ensembl": [f"ENSG{i:011d}" for i in range(n_genes)], "scale": 0.1 + rng.random(n_genes)})
    return GeneVocabulary.from_table(table, weighting="median", n_obs=7)


def model(seed: int, n_genes: int = 60, hidden_size: int = 32, **config) -> SpecformerForSamples:
    torch.manual_seed(seed)
    size = {"num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64, "window_size": 16, "stride": 8}
    return SpecformerForSamples(
        SpecformerConfig(vocab_size=n_genes + N_SPECIAL, hidden_size=hidden_size, **{**size, **config})
    ).eval()


def cohort(n_obs: int, n_genes: int = 60, seed: int = 0) -> ad.AnnData:
    counts = np.random.default_rng(seed).poisson(20, (n_obs, n_genes)).astype(np.float32)
    return ad.AnnData(counts, var=pd.DataFrame(index=[f"ENSG{i:011d}" for i in range(n_genes)]))


def in_a_fork(work, *arguments) -> int:
    """Start `work` in a process of its own; its number."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        work(*arguments)
        status = 0
    except BaseException:  # noqa: BLE001  (it has to end here, whatever it is)
        traceback.print_exc()
    finally:
        os._exit(status)


def forever(write) -> None:
    """Write one version after the other."""
    for i in range(10**9):
        write(i % 2)


def killed_while(write, read, folder: Path) -> dict:
    """Kill a process that writes two versions in turns, at a random instant, and read what it left; many times."""
    write(0)
    start = time.perf_counter()
    write(1)
    takes = time.perf_counter() - start
    found, draw, debris = [], random.Random(0), 0
    kills = 0
    # Where the disk is quick, few instants fall into the writing: go on until some did.
    while kills < KILLS or (debris < IN_THE_MIDDLE and kills < 10 * KILLS):
        kills += 1
        pid = in_a_fork(forever, write)
        time.sleep(draw.uniform(0, 4 * takes))
        os.kill(pid, signal.SIGKILL)
        assert os.waitpid(pid, 0)[1] == signal.SIGKILL
        left = [path for path in folder.iterdir() if path.name.startswith(".")]
        debris += len(left) > 0
        for path in left:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        found.append(read())
    return {"found": sorted(set(found)), "kills": kills, "in_the_middle": debris}


def kill_save(folder: Path) -> dict:
    models, genes = [model(0), model(1)], vocabulary()
    expected = [load(save(folder / f"expected{i}", models[i], genes)).sha256 for i in (0, 1)]
    return killed_while(
        lambda i: save(folder / "checkpoint", models[i], genes, card=f"card {i}"),
        lambda: expected.index(load(folder / "checkpoint").sha256),
        folder,
    )


def kill_head(folder: Path) -> dict:
    heads = [Head("regression", [f"target {i}"], 500, hidden=(100,)) for i in (0, 1)]
    return killed_while(
        lambda i: save_head(heads[i], folder / "head"),
        lambda: int(load_head(folder / "head").labels[0][-1]),
        folder,
    )


def kill_h5ad(folder: Path) -> dict:
    cohorts = [cohort(300, 500, seed) for seed in (0, 1)]
    sums = [float(one.X.sum()) for one in cohorts]
    return killed_while(
        lambda i: sf.datasets.write_h5ad(cohorts[i], folder / "cohort.h5ad"),
        lambda: sums.index(float(ad.read_h5ad(folder / "cohort.h5ad").X.sum())),
        folder,
    )


def kill_ranks(folder: Path) -> dict:
    """A process that is killed while it ranks leaves nothing that is taken for ranks."""
    adata, genes = cohort(3000, 300), vocabulary(300)
    expected = sf.train.rank_store(adata, genes).ranks
    start = time.perf_counter()
    sf.train.rank_store(adata, genes, path=folder / "whole")
    takes, draw, right, unfinished = time.perf_counter() - start, random.Random(0), 0, 0
    for i in range(8):
        pid = in_a_fork(partial(sf.train.rank_store, adata, genes, path=folder / str(i)))
        # From early on: beside other work, the first run is no measure of how long the next ones take.
        time.sleep(draw.uniform(0.05, 1.0) * takes)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        unfinished += not list((folder / str(i)).glob("[!.]*.npy"))
        right += bool((sf.train.rank_store(adata, genes, path=folder / str(i)).ranks == expected).all())
    return {"right": right, "of": 8, "unfinished": unfinished}


class Slow(SimpleHTTPRequestHandler):
    """Sends a file in pieces, with a pause after each."""

    def copyfile(self, source, outputfile):
        while piece := source.read(20_000):
            outputfile.write(piece)
            outputfile.flush()
            time.sleep(0.02)

    def log_message(self, *_):
        pass


def released(folder: Path) -> str:
    """A checkpoint on a slow web server, known to the registry; SHA-256 of its weights."""
    path = save(folder / "made", model(0, hidden_size=128), vocabulary())
    archive = Path(shutil.make_archive(str(folder / "web" / "tiny-1"), "zip", path))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Slow, directory=folder / "web"))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/tiny-1.zip"
    _registry.DOWNLOADS["tiny-1"] = _registry.Download(url, hashlib.sha256(archive.read_bytes()).hexdigest())
    sf.settings.cachedir = folder / "cache"
    return load(path).sha256


def kill_download(folder: Path) -> dict:
    expected, draw, not_there = released(folder), random.Random(0), 0
    start = time.perf_counter()
    load("tiny-1")
    takes = time.perf_counter() - start
    for _ in range(8):
        shutil.rmtree(folder / "cache")
        pid = in_a_fork(load, "tiny-1")
        time.sleep(draw.uniform(0.3, 1.0) * takes)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        not_there += sf.models.available().loc["tiny-1", "source"] == "download"
        assert load("tiny-1").sha256 == expected
    return {"kills": 8, "in_the_middle": not_there}


def two_downloads(folder: Path) -> dict:
    expected = released(folder)

    def one() -> None:
        assert load("tiny-1").sha256 == expected

    statuses = []
    for _ in range(3):
        pids = [in_a_fork(one), in_a_fork(one)]
        statuses += [os.waitpid(pid, 0)[1] for pid in pids]
        here = sorted(path.name for path in (folder / "cache" / "checkpoints").iterdir())
        shutil.rmtree(folder / "cache")
    return {"statuses": statuses, "here": here}


def two_fetches(folder: Path) -> dict:
    """Two processes that fetch the same public file, one a little later, while the first is at it; and one is killed."""
    (folder / "web").mkdir()
    content = random.Random(0).randbytes(400_000)
    (folder / "web" / "genes.tsv").write_bytes(content)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Slow, directory=folder / "web"))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/genes.tsv"
    sf.settings.cachedir = folder / "cache"
    statuses, killed = [], 0

    def one(sha256: str | None) -> None:
        assert fetch(Source("genes.tsv", url, licence="CC0", sha256=sha256)).read_bytes() == content

    for sha256 in (hashlib.sha256(content).hexdigest(), None):
        pids = []
        for _ in range(3):
            pids.append(in_a_fork(one, sha256))
            time.sleep(0.1)
        statuses += [os.waitpid(pid, 0)[1] for pid in pids]
        here = sorted(path.name for path in (folder / "cache").iterdir())
        shutil.rmtree(folder / "cache")

        pid = in_a_fork(one, sha256)
        time.sleep(0.25)
        os.kill(pid, signal.SIGKILL)
        killed += os.waitpid(pid, 0)[1] == signal.SIGKILL and not (folder / "cache" / "genes.tsv").exists()
        one(sha256)
        shutil.rmtree(folder / "cache")
    return {"statuses": statuses, "here": here, "killed": killed}


def read_only_cache(folder: Path) -> dict:
    """A cache that may be read alone: by another user where this one is root, whom nothing stops."""
    released(folder)
    empty, full = folder / "empty", folder / "cache"
    empty.mkdir()
    load("tiny-1")
    for path in (empty, full, *full.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)

    def read(cache: Path, report: Path) -> None:
        if os.getuid() == 0:
            os.setgid(65534)
            os.setuid(65534)
        sf.settings.cachedir = cache
        try:
            said = f"read {load('tiny-1').config.n_genes} genes"
        except OSError as error:
            said = f"{type(error).__name__}: {error}"
        report.write_text(said)

    reports = {}
    for cache in (empty, full):
        with tempfile.NamedTemporaryFile() as report:
            Path(report.name).chmod(0o666)
            os.waitpid(in_a_fork(read, cache, Path(report.name)), 0)
            reports[cache.name] = Path(report.name).read_text()
    for path in (empty, full, *full.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
    return reports


def full_disk(folder: Path) -> dict:
    """Everything that is written, written to where there is no room: the error, and what is left."""
    if most := os.environ.get("MOST_BYTES_OF_A_FILE"):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(most), int(most)))
    genes, big = vocabulary(), model(1, hidden_size=256, intermediate_size=1024)
    small = save(folder / "checkpoint", model(0, hidden_size=16), genes)
    save_head(Head("regression", ["old"], 5), folder / "head")
    sf.datasets.write_h5ad(cohort(10), folder / "cohort.h5ad")
    before = load(small).sha256
    attempts = {
        "checkpoint": lambda: save(folder / "checkpoint", big, genes),
        "head": lambda: save_head(Head("regression", ["new"], 500, hidden=(500,)), folder / "head"),
        "h5ad": lambda: sf.datasets.write_h5ad(cohort(3000), folder / "cohort.h5ad"),
        "ranks": lambda: sf.train.rank_store(cohort(5000), genes, path=folder / "ranks"),
    }
    said = {}
    for name, write in attempts.items():
        try:
            write()
            said[name] = "written"
        except Exception as error:  # noqa: BLE001  (the test looks at what it is)
            said[name] = f"{type(error).__name__}: {error}"
    return {
        "said": said,
        "checkpoint": load(small).sha256 == before,
        "head": load_head(folder / "head").labels,
        "h5ad": ad.read_h5ad(folder / "cohort.h5ad").n_obs,
        "debris": sorted(str(path.relative_to(folder)) for path in folder.rglob(".*")),
        "ranks": sorted(path.name for path in (folder / "ranks").rglob("*")),
    }


def full_cache(folder: Path, disk: Path) -> dict:
    folder.mkdir()
    released(folder)
    if most := os.environ.get("MOST_BYTES_OF_A_FILE"):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(most) // 4, int(most) // 4))
    for path in disk.iterdir():  # of the fault before
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    sf.settings.cachedir = disk / "cache"
    try:
        load("tiny-1")
        said = "loaded"
    except OSError as error:
        said = str(error)
    return {"said": said, "source": sf.models.available().loc["tiny-1", "source"]}


def memory(folder: Path) -> dict:
    """Embed with less address space than the batch asks for."""
    from specformer.model import _backend

    threading.stack_size(2**18)
    _backend.WINDOWS_AT_ONCE["float32"] = 64
    adata = cohort(40, 1500)
    checkpoint = load(
        save(folder / "c", model(0, 1500, 16, window_size=64, stride=2, intermediate_size=16), vocabulary(1500))
    )
    sf.tl.specformer_embed(cohort(2, 1500), checkpoint)  # compiles kernels and loads libraries

    def embed(headroom: int, batch_size: int, report: Path) -> None:
        if headroom:
            most = status("VmSize") + headroom
            resource.setrlimit(resource.RLIMIT_AS, (most, most))
        before = status("VmSize")
        sf.tl.specformer_embed(adata, checkpoint, batch_size=batch_size)
        np.save(report, np.append(adata.obsm["X_specformer"].ravel(), status("VmPeak") - before))

    def vectors(headroom: int, batch_size: int) -> tuple[np.ndarray, int]:
        report = folder / f"{headroom}-{batch_size}.npy"
        assert os.waitpid(in_a_fork(embed, headroom, batch_size, report), 0)[1] == 0
        found = np.load(report)
        return found[:-1], int(found[-1])

    expected, all_at_once = vectors(0, 40)
    _, one_by_one = vectors(0, 1)
    found, _ = vectors((all_at_once + one_by_one) // 2, 40)
    return {
        "all_at_once": all_at_once,
        "one_by_one": one_by_one,
        "difference": float(np.abs(found - expected).max() / np.abs(expected).max()),
    }


def status(name: str) -> int:
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


def interrupt(folder: Path) -> dict:
    """Ctrl-C at random instants of an embedding, and at every line of the part that writes."""
    genes = vocabulary()
    checkpoint = load(save(folder / "c", model(0), genes))
    sf.tl.specformer_embed(cohort(4), checkpoint)  # compiles kernels and tries the backend
    start = time.perf_counter()
    sf.tl.specformer_embed(cohort(400), checkpoint)
    takes = time.perf_counter() - start

    def embed(report: Path) -> None:
        adata = cohort(400)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        report.write_text("started")
        try:
            sf.tl.specformer_embed(adata, checkpoint)
        except KeyboardInterrupt:
            report.write_text(" ".join(sorted([*adata.obsm, *adata.uns])) or "nothing")
        else:
            report.write_text("finished")

    draw, outcomes = random.Random(0), []
    for i in range(12):
        report = folder / str(i)
        pid = in_a_fork(embed, report)
        while not report.is_file():
            time.sleep(0.001)
        time.sleep(draw.uniform(0, 0.8 * takes))
        try:
            os.kill(pid, signal.SIGINT)
        except ProcessLookupError:
            pass
        os.waitpid(pid, 0)
        outcomes.append(report.read_text())
    return {"outcomes": outcomes, "at_every_line": [interrupted_at(line, checkpoint) for line in range(1, 12)]}


def interrupted_at(line: int, checkpoint) -> list[str]:
    """The keys of an object of which the writing was interrupted when its `line`-th line was to run."""
    from specformer.tl._embedding import write_embedding

    signal.signal(signal.SIGINT, signal.default_int_handler)
    adata, old = cohort(3), np.zeros((3, 2), np.float32)
    adata.obsm["X_specformer"], adata.uns["specformer"] = old, {"old": True}
    lines = 0

    def trace(frame, event, _):
        nonlocal lines
        if frame.f_code is not write_embedding.__code__:
            return None
        if event == "line":
            lines += 1
            if lines == line:
                os.kill(os.getpid(), signal.SIGINT)
        return trace

    sys.settrace(trace)
    try:
        sf.tl.specformer_embed(adata, checkpoint)
        end = "finished"
    except KeyboardInterrupt:
        end = "interrupted"
    finally:
        sys.settrace(None)
    new = [adata.obsm["X_specformer"].shape[1] > 2, "old" not in adata.uns["specformer"]]
    return [end, "new" if all(new) else "half" if any(new) else "old"]


FAULTS = (
    kill_save, kill_head, kill_h5ad, kill_ranks, kill_download, two_downloads, two_fetches, read_only_cache, full_disk, full_cache,
    memory, interrupt,
)  # fmt: skip


def report(fault, folder: Path, disk: Path) -> None:
    place = disk if fault in (full_disk, full_cache) else folder / fault.__name__
    place.mkdir(exist_ok=True)
    log = os.open(folder / f"{fault.__name__}.log", os.O_CREAT | os.O_WRONLY)
    os.dup2(log, 2)
    found = fault(folder / "full_cache_server", disk) if fault is full_cache else fault(place)
    (folder / f"{fault.__name__}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    chosen = os.environ.get("ONLY")
    for fault in [f for f in FAULTS if chosen in (None, f.__name__)]:
        os.waitpid(in_a_fork(report, fault, *map(Path, sys.argv[1:])), 0)
