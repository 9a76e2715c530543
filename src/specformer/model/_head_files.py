"""Heads on disk: beside the checkpoint they belong to, under `heads/<name>/`, as JSON and safetensors."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save_file

from specformer._atomic import atomic_directory
from specformer._checks import shown
from specformer.model._checkpoint import CONFIG, WEIGHTS, Pretrained
from specformer.model._config import POOLINGS
from specformer.model._heads import OPTIONAL, TASKS, Head
from specformer.model._read import AGAIN, misfits, read_json, read_weights, sha256_of, stored_shapes
from specformer.model._registry import locate

if TYPE_CHECKING:
    from collections.abc import Sequence

HEADS = "heads"
KIND = "specformer_head"
MOST_BYTES = 2**26
MOST_LAYERS = 100


def save_head(head: Head, directory: str | Path, *, dtype: torch.dtype | None = None) -> Path:
    """Write a head: `config.json` (labels, provenance, metrics, whose vectors it reads) and `model.safetensors`.

    Parameters
    ----------
    head
        From `sf.train.fit_head`.
    directory
        Where to; `<checkpoint>/heads/<name>` makes it known by name to `sf.tl.predict_*`.
    dtype
        Precision of weight matrices on disk, such as `torch.float16` for half the size. None keeps them exactly.

    Returns
    -------
    The directory.
    """
    directory = Path(directory)
    weights = {}
    for name, tensor in head.state_dict().items():
        is_matrix = tensor.ndim >= 2 and name.startswith(("layers.", "pooling."))
        weights[name] = tensor.to("cpu", dtype if dtype and is_matrix else tensor.dtype).contiguous()
        if not weights[name].isfinite().all():
            msg = f"{name!r} of the head is not finite in {weights[name].dtype}; nothing was written."
            raise ValueError(msg)
    with atomic_directory(directory) as written:
        save_file(weights, written / WEIGHTS, metadata={"format": "pt"})
        config = {
            "model_type": KIND,
            "task": head.task,
            "labels": head.labels,
            "n_in": head.n_in,
            "aggregator": head.aggregator,
            "hidden": list(head.hidden),
            "dropout": head.dropout,
            "specformer_version": version("specformer"),
            "weights_sha256": sha256_of(written / WEIGHTS),
            "about": head.about,
        }
        (written / CONFIG).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    return directory


def load_head(head: str | Path, model: str | Path | Pretrained | None = None) -> Head:
    """Read a head, by its directory or by its name beside a checkpoint.

    Parameters
    ----------
    head
        A directory, or the name of one under `heads/` of the checkpoint.
    model
        The checkpoint: name, directory, or a loaded one. None is the one that comes with the package.

    Returns
    -------
    The head, in evaluation mode, as it was saved.

    Raises
    ------
    FileNotFoundError
        If there is no such head; the message names those that there are.
    ValueError
        If it is damaged, no head, or belongs to another checkpoint than the one it lies beside.

    Examples
    --------
    >>> import specformer as sf
    >>> head = sf.model.load_head("cancer_type")  # doctest: +SKIP
    >>> head.labels[:2]  # doctest: +SKIP
    ['ACC', 'BLCA']
    """
    if isinstance(head, Path) or Path(head).is_dir():
        return _read(Path(head))
    checkpoint = model.path if isinstance(model, Pretrained) else locate(model)
    there = available_heads(checkpoint)
    if head not in there:
        msg = (
            f"The checkpoint {checkpoint.name!r} has no head {head!r}. It has: {shown(there, 20) or 'none'}. Fit one "
            "with `sf.train.fit_head(adata, target)` and pass it as `head=`."
        )
        raise FileNotFoundError(msg)
    found = _read(checkpoint / HEADS / head)
    require_same_checkpoint(found, sha256_of(checkpoint / WEIGHTS), str(checkpoint))
    return found


def available_heads(checkpoint: Path) -> list[str]:
    """Names of the heads beside a checkpoint; a hidden folder is what a killed process left."""
    found = (path.parent.name for path in (checkpoint / HEADS).glob(f"*/{CONFIG}"))
    return sorted(name for name in found if not name.startswith("."))


def require_same_checkpoint(head: Head, sha256: str, where: str) -> None:
    """Refuse a head for the vectors of another checkpoint."""
    own = head.about.get("checkpoint") or {}
    if own and own.get("sha256") != sha256:
        msg = (
            f"This head was fitted on vectors of the checkpoint {own.get('name')!r} (SHA-256 "
            f"{str(own.get('sha256'))[:12]}...), but {where} has SHA-256 {sha256[:12]}...: the axes of one mean nothing "
            "in the other. Pass `model=` the head's own checkpoint, or fit it again with `sf.train.fit_head`."
        )
        raise ValueError(msg)


def _read(path: Path) -> Head:
    missing: Sequence[str] = [name for name in (CONFIG, WEIGHTS) if not (path / name).is_file()]
    if missing:
        msg = f"{path} is no head: it lacks {shown(missing)}."
        raise FileNotFoundError(msg)
    config = _checked(read_json(path / CONFIG, most_bytes=MOST_BYTES), path / CONFIG)
    if config["weights_sha256"] != sha256_of(path / WEIGHTS):
        msg = f"{path / WEIGHTS} is not the file that its config.json describes: truncated or damaged, or from another head."
        raise ValueError(msg)
    found = stored_shapes(path / WEIGHTS)
    try:
        with torch.device("meta"):  # which takes no memory, whatever size the config promises
            expected = {name: tuple(tensor.shape) for name, tensor in _make(config).state_dict().items()}
    except RuntimeError as error:
        msg = f"{path / CONFIG} describes no head that can be built ({error}). {AGAIN}"
        raise ValueError(msg) from None
    for what, names in misfits({n: shape for n, shape in found.items() if n not in OPTIONAL}, expected).items():
        if names:
            msg = f"{path / WEIGHTS} does not fit its config.json: it {what} {shown(names)}."
            raise ValueError(msg)
    weights = read_weights(path / WEIGHTS)
    with torch.random.fork_rng(devices=[]):  # the weights drawn here are overwritten; the user's stream stays
        head = _make(config)
    for name in OPTIONAL:
        if name in weights:
            setattr(head, name, weights[name])
    head.load_state_dict({n: t.float() if n.startswith(("layers.", "pooling.")) else t for n, t in weights.items()})
    head.path = path
    return head.eval()


def _make(config: dict[str, Any]) -> Head:
    return Head(
        config["task"], config["labels"], config["n_in"], aggregator=config["aggregator"],
        hidden=config["hidden"], dropout=config["dropout"], about=config["about"],
    )  # fmt: skip


def _checked(config: dict[str, Any], path: Path) -> dict[str, Any]:
    if config.get("model_type") != KIND:
        msg = f"{path} describes a {config.get('model_type')!r}, not a {KIND!r}."
        raise ValueError(msg)
    required = {
        "task": lambda x: isinstance(x, str) and x in TASKS,
        "labels": lambda x: isinstance(x, list) and len(x) > 0 and all(isinstance(label, str) for label in x),
        "n_in": _is_size,
        "aggregator": lambda x: x is None or (isinstance(x, str) and x in POOLINGS),
        "hidden": lambda x: isinstance(x, list) and len(x) <= MOST_LAYERS and all(map(_is_size, x)),
        "dropout": lambda x: isinstance(x, int | float) and 0 <= x <= 1,
        "weights_sha256": lambda x: isinstance(x, str),
        "about": lambda x: isinstance(x, dict),
    }
    for name, is_right in required.items():
        if not is_right(config.get(name)):
            msg = f"{path} has {str(config.get(name))[:40]!r} as `{name}`, which no head has. {AGAIN}"
            raise ValueError(msg)
    return config


def _is_size(x: object) -> bool:
    return isinstance(x, int) and not isinstance(x, bool) and 1 <= x < 2**31
