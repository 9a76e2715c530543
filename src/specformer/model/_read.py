"""Reading files that somebody else may have written: checked before memory is taken or anything is built from them."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file

from specformer._checks import shown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import torch

AGAIN = "Copy or download the directory again."
Shapes = dict[str, tuple[int, ...]]


def sha256_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_json(path: Path, *, most_bytes: int) -> dict[str, Any]:
    """The entries of a JSON file, which holds one object and is not larger than such a file can be."""
    if (n_bytes := path.stat().st_size) > most_bytes:
        msg = f"{path} has {n_bytes:,} bytes; a file of its kind has at most {most_bytes:,}. {AGAIN}"
        raise ValueError(msg)
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        msg = f"{path} is not JSON ({error}). {AGAIN}"
        raise ValueError(msg) from None
    if not isinstance(raw, dict):
        msg = f"{path} holds no entries but a {type(raw).__name__}. {AGAIN}"
        raise ValueError(msg)
    return raw


def stored_shapes(path: Path) -> Shapes:
    """The shape of each tensor, from the header, which is checked against the size of the file."""
    try:
        with safe_open(path, framework="pt") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}
    except (SafetensorError, OSError, UnicodeDecodeError) as error:
        raise _damaged(path, error) from None


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file, all of them finite."""
    try:
        weights = load_file(path)
    except (SafetensorError, OSError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise _damaged(path, error) from None
    bad = [name for name, tensor in weights.items() if not tensor.float().isfinite().all()]
    if bad:
        msg = f"{path} holds weights that are not finite: {shown(bad)}. {AGAIN}"
        raise ValueError(msg)
    return weights


def misfits(found: Shapes, expected: Mapping[str, tuple[int, ...]]) -> dict[str, list[str]]:
    """In what the tensors of a file differ from those that a model has: what it lacks, has too many, or misshapen."""
    return {
        "lacks": sorted(set(expected) - set(found)),
        "should not hold": sorted(set(found) - set(expected)),
        "has other shapes for": sorted(n for n in set(found) & set(expected) if found[n] != tuple(expected[n])),
    }


def _damaged(path: Path, error: Exception) -> ValueError:
    return ValueError(f"{path} cannot be read ({error}): truncated or damaged. {AGAIN}")
