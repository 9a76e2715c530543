"""The table of keys, printed from the file in which they are spelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from specformer._keys import Key


def markdown(keys: Iterable[Key]) -> str:
    """One row a key, each linked to the function that writes it."""
    lines = ["| key | dtype | shape | what it holds | written by |", "|---|---|---|---|---|"]
    for key in keys:
        shape = f"`{key.shape}`" if key.shape else ""
        writer = f"{{func}}`~specformer.{key.written_by}`"
        lines.append(f'| `{key.slot}["{key.name}"]` | {key.dtype} | {shape} | {key.meaning} | {writer} |')
    return "\n".join(lines)
