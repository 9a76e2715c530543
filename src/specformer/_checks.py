"""The few checks that make good errors: what was found, where, and what to run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    import pandas as pd
    from anndata import AnnData


def shown(names: Iterable[object], n: int = 5) -> str:
    """The first few of `names`, for an error message."""
    names = list(names)
    text = ", ".join(repr(str(name)) for name in names[:n])
    return text + (f", ... ({len(names):,} in all)" if len(names) > n else "")


def require_key(adata: AnnData, slot: str, key: str, *, run: str) -> Any:
    """`adata.<slot>[key]`, or a KeyError that says what is there and what to run."""
    container = getattr(adata, slot)
    if key not in container:
        present = shown(container.keys() if hasattr(container, "keys") else container.columns, 10) or "nothing"
        msg = f"Did not find `adata.{slot}[{key!r}]`. Run `{run}` first. Present: {present}."
        raise KeyError(msg)
    return container[key]


def require_one_of(name: str, value: object, allowed: Sequence[object]) -> None:
    """Raise a ValueError that lists what `name` may be, unless `value` is one of them."""
    if value not in allowed:
        msg = f"`{name}` is {value!r}; expected one of {', '.join(repr(a) for a in allowed)}."
        raise ValueError(msg)


def require_rows(bad: np.ndarray, obs_names: pd.Index, what: str, cure: str) -> None:
    """Raise a ValueError that names the samples where `bad` is true, what is wrong and how to mend it."""
    if bad.any():
        msg = f"{what} in {int(bad.sum()):,} of {len(bad):,} samples: {shown(obs_names[bad])}. {cure}"
        raise ValueError(msg)
