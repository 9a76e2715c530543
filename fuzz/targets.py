"""What is fuzzed: one function a reader, from bytes to nothing. Anything but the package's own refusal is a finding.

Each target takes bytes either as the content of a file, or as a recipe for spoiling a whole one: the first gets past no
parser, the second past many. `tests/fuzz` runs a few hundred cases of each, `make fuzz` a hundred thousand.
"""

from __future__ import annotations

import json
import struct
import sys
import tempfile
import traceback
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from specformer import settings
from specformer.datasets._gene_sets import read_gmt
from specformer.genes import GeneVocabulary, build_gene_table, match_genes
from specformer.model import Head, load_head, save_head
from specformer.model._bert_tokens import read_tokens
from specformer.model._read import read_weights, sha256_of, stored_shapes
from specformer.model._read_config import read_config
from specformer.ranking import detect_scale, to_linear

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ALLOWED = (ValueError, KeyError, TypeError)
NASTY: list[Any] = [
    None, True, False, -1, 0, 1, 2, 3, 7, 2**31, 2**63, 10**30, -(10**30), 0.5, -0.0, 1e308, float("nan"), float("inf"), "", "a",
    "mean", "film", "tfidf", "median", "gelu", "9.0.0", "0.1", "../../x", "/etc/passwd", "\0", "é" * 50, [], [1], [[]], ["a"],
    ["a", "a"], [3, 2], {}, {"a": 1}, {"sha256": "x"}, "kernels-community/flash-attn", "os.system('true')", [2**40], "regression",
    "classification", "survival", "attention", "transformer", "cls", 60, 63, 16, 32,
]  # fmt: skip
NUMBERS = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    np.nan,
    np.inf,
    -np.inf,
    5e-324,
    1e-45,
    1e38,
    3.5e38,
    1e308,
    2**24,
    2**53,
    31.9,
    33.0,
    -9.9658,
    1e6,
]
PIECES = ["TP53", "ENSG00000141510", ".18", "7157", "|", "?", "nan", "None", "", " ", "\0", "1-Mar", "Trp53", "é", "İ", "1007_s_at",
          "ENSG", "9" * 40, "-", ";", "\t", "\n", ",", '"', "_PAR_Y", "²", "١", "TP53|7157", "p53", "a" * 300]  # fmt: skip
# What no file may bring about.
FORBIDDEN = {
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "subprocess.Popen",
    "pickle.find_class",
    "socket.connect",
    "os.remove",
}

violations: list[str] = []
settings.verbosity = "error"


class Bytes:
    """Decisions out of bytes; 0 when there are none left."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def below(self, n: int) -> int:
        """A number from 0 to n - 1."""
        piece = self.data[self.at : self.at + 2].ljust(2, b"\0")
        self.at += 2
        return int.from_bytes(piece, "little") % n

    def one_of(self, things: list) -> Any:
        """One of some things."""
        return things[self.below(len(things))]

    def rest(self) -> bytes:
        """What is left."""
        return self.data[self.at :]

    def __bool__(self) -> bool:
        return self.at < len(self.data)


def spoiled_entries(entries: dict[str, Any], choose: Bytes) -> bytes:
    """JSON with some entries replaced, removed or added, and perhaps cut off."""
    entries = dict(entries)
    while choose:
        name = choose.one_of(
            [*entries, "attn_implementation", "auto_map", "quantization_config", "is_decoder"] or ["a"]
        )
        action = choose.below(4)
        if action == 0:
            entries.pop(name, None)
        else:
            entries[name] = choose.one_of(NASTY)
        if action == 3:
            break
    text = json.dumps(entries).encode()
    return text[: choose.below(len(text) + 1)] if choose.below(16) == 15 else text


def spoiled_bytes(whole: bytes, choose: Bytes) -> bytes:
    """A file with some bytes changed, removed or put in."""
    content = bytearray(whole)
    while choose:
        at, action = choose.below(len(content) + 1), choose.below(4)
        if action == 0:
            content[at : at + 1] = bytes([choose.below(256)])
        elif action == 1:
            del content[at : at + choose.below(40)]
        elif action == 2:
            content[at:at] = bytes([choose.below(256)]) * choose.below(20)
        else:
            content[at:at] = choose.one_of(PIECES).encode()
        if len(content) > 100_000:
            break
    return bytes(content)


class Targets:
    """The readers, with whole files to spoil in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        table = pd.DataFrame(
            {"symbol": ["TP53", "EGFR", "MYC"], "ensembl": ["ENSG00000141510", "ENSG00000146648", ""],
             "entrez": ["7157", "1956", "4609"], "aliases": ["p53;LFS1", "ERBB", ""], "scale": [0.5, 1.5, np.nan], "df": [3, 2, 1]}
        )  # fmt: skip
        self.vocabulary = GeneVocabulary.from_table(table, weighting="median", n_obs=3)
        self.vocabulary.write(folder / "whole.csv")
        self.genes = (folder / "whole.csv").read_bytes()
        save_head(Head("regression", ["a", "b"], 3, hidden=(2,)), folder / "head")
        self.head = json.loads((folder / "head" / "config.json").read_text())
        self.weights = (folder / "head" / "model.safetensors").read_bytes()
        self.config = {
            "model_type": "specformer", "vocab_size": 63, "hidden_size": 32, "num_hidden_layers": 1,
            "num_attention_heads": 2, "intermediate_size": 64, "window_size": 16, "stride": 8, "weighting": "median",
            "token": "film", "cls_token": True, "window_embedding": "cls", "pooling": "mean", "n_anchor": 4, "n_dims": 3,
            "noise_variance": 0.4, "n_reference_obs": 3, "specformer_version": "0.1", "checkpoint_format": 1,
            "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "layer_norm_eps": 1e-12, "dtype": None, "id2label": {},
        }  # fmt: skip

    def file(self, name: str, content: bytes) -> Path:
        """A file with this content."""
        path = self.folder / name
        path.write_bytes(content)
        return path

    def config_json(self, data: bytes) -> None:
        """A checkpoint's `config.json`."""
        choose = Bytes(data)
        content = spoiled_entries(self.config, choose) if choose.below(4) else choose.rest()
        read_config(self.file("config.json", content))

    def genes_csv(self, data: bytes) -> None:
        """A checkpoint's gene table."""
        choose = Bytes(data)
        content = spoiled_bytes(self.genes, choose) if choose.below(4) else choose.rest()
        vocabulary = GeneVocabulary.read(self.file("genes.csv", content), weighting="median", n_obs=3)
        vocabulary.lookup  # noqa: B018

    def safetensors(self, data: bytes) -> None:
        """Weights, and headers that lie about them."""
        choose = Bytes(data)
        kind = choose.below(4)
        if kind == 0:
            content = choose.rest()
        elif kind == 1:  # a header that lies about its own length
            content = struct.pack("<Q", choose.one_of([0, 1, 2**20, 2**31, 2**40, 2**63, 2**64 - 1])) + self.weights[8:]
        elif kind == 2:  # or about what it holds
            entries = json.loads(self.weights[8 : 8 + int.from_bytes(self.weights[:8], "little")])
            name = choose.one_of(list(entries))
            tensor = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
            tensor[choose.one_of(list(tensor))] = choose.one_of(
                [
                    *NASTY,
                    [2**62, 2],
                    [2**62, 4, 4],
                    [-1],
                    [0, 2**63],
                    [8, 0],
                    [0, 10**9],
                    "F8_E8M0",
                    "I64",
                    "BOOL",
                    "F4",
                    "C64",
                    "BF16",
                ]
            )
            header = json.dumps({**entries, name: tensor}).encode()
            content = struct.pack("<Q", len(header)) + header + self.weights[-8 * choose.below(20) :]
        else:
            content = spoiled_bytes(self.weights, choose)
        path = self.file("model.safetensors", content)
        stored_shapes(path)
        read_weights(path)

    def head_json(self, data: bytes) -> None:
        """A head: its `config.json`, now and then with spoiled weights."""
        choose = Bytes(data)
        content = spoiled_entries(self.head, choose) if choose.below(4) else choose.rest()
        self.file("head/config.json", content)
        weights = self.weights
        if choose.below(8) == 7:  # other weights, whose hash is right
            weights = spoiled_bytes(self.weights, choose)
            entries = {**self.head, "weights_sha256": sha256_of(self.file("head/model.safetensors", weights))}
            self.file("head/config.json", json.dumps(entries).encode())
        self.file("head/model.safetensors", weights)
        head = load_head(self.folder / "head")
        head.predict(np.zeros((2, 4, head.n_in) if head.aggregator else (2, head.n_in), np.float32))

    def gmt(self, data: bytes) -> None:
        """Gene sets."""
        choose = Bytes(data)
        whole = b"HALLMARK\thttp://x\tTP53\tMYC\nEMPTY\tnone\n"
        read_gmt(self.file("sets.gmt", spoiled_bytes(whole, choose) if choose.below(2) else choose.rest()))

    def gene_table(self, data: bytes) -> None:
        """A public table of genes."""
        choose = Bytes(data)
        whole = (
            b"symbol,ensembl_gene_id,entrez_id,alias_symbol,prev_symbol,chr,biotype\nTP53,ENSG00000141510,7157,p53|LFS1,,17,\n"
            b"MYC,ENSG00000136997,4609,,c-Myc,8,protein_coding\nY_RNA,ENSG00000201111,,,,HSCHR1,\nY_RNA,ENSG00000201112,,,,2,\n"
        )
        build_gene_table(
            annotation=self.file("table.csv", spoiled_bytes(whole, choose) if choose.below(8) else choose.rest())
        )

    def gene_names(self, data: bytes) -> None:
        """What a cohort calls its genes."""
        choose, names = Bytes(data), []
        while choose and len(names) < 50:
            names.append("".join(choose.one_of(PIECES) for _ in range(1 + choose.below(3))))
        if choose.below(4) == 3:
            names = [*names, choose.one_of([None, float("nan"), 7, 7.0, pd.NA, b"TP53", ("TP53",)])]
        match_genes(names, self.vocabulary)

    def numbers(self, data: bytes) -> None:
        """What a cohort's values are."""
        choose = Bytes(data)
        shape = choose.below(6), choose.below(9)
        dtype = choose.one_of([np.float32, np.float64, np.float16, np.int64, np.uint8, np.bool_])
        if choose.below(2):
            values = np.array([choose.one_of(NUMBERS) for _ in range(shape[0] * shape[1])], np.float64)
        else:
            raw = choose.rest().ljust(8 * shape[0] * shape[1], b"\0")
            values = np.frombuffer(raw[: 8 * shape[0] * shape[1]], np.float64)
        with np.errstate(all="ignore"):
            X = values.astype(dtype).reshape(shape)
            scale = detect_scale(X)
            if scale.invertible:
                linear = to_linear(X, scale.name)
                if linear.shape != X.shape or linear.dtype != np.float32:
                    raise AssertionError((scale, linear))

    def tokens(self, data: bytes) -> None:
        """The list of tokens of a model of other makers."""
        choose = Bytes(data)
        whole = b"[PAD]\n[MASK]\n[CLS]\nTP53\nENSG00000146648\nMYC\n"
        content = spoiled_bytes(whole, choose) if choose.below(2) else json.dumps(choose.one_of(NASTY)).encode()
        read_tokens(self.file(choose.one_of(["vocab.txt", "vocab.json"]), content), self.vocabulary)


NAMES = [name for name, thing in vars(Targets).items() if callable(thing) and name not in ("__init__", "file")]


def watch(folder: Path) -> None:
    """Note whatever a file makes the process do that reading it does not need."""

    def hook(event: str, arguments: tuple) -> None:
        if event in FORBIDDEN and not (event == "os.remove" and str(arguments[0]).startswith(str(folder))):
            violations.append(f"{event} {arguments!r}"[:300])
        if (
            event == "open"
            and isinstance(arguments[0], str)
            and isinstance(arguments[1], str)
            and set(arguments[1]) & set("wax+")
        ):
            if not arguments[0].startswith((str(folder), tempfile.gettempdir(), "/dev/")):
                violations.append(f"wrote {arguments[0]}")

    sys.addaudithook(hook)


def attempt(target: Callable[[bytes], None], data: bytes) -> str:
    """Run a target: "read" or "refused"; anything else raises."""
    try:
        target(data)
    except ALLOWED as error:
        frames = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
        if "specformer" not in frames[-1] or not str(error).strip("'\" "):
            msg = f"{type(error).__name__} from {frames[-1]} is no refusal of the package: {error}"
            raise AssertionError(msg) from error
        return "refused"
    finally:
        if violations:
            msg = f"{data!r} did more than to be read: {violations}"
            raise AssertionError(msg)
    return "read"
