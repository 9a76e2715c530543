"""An embedding that is being written block by block, each sealed, and moved to its place when all of them are there."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from specformer._checks import shown
from specformer._keys import SPECFORMER, X_SPECFORMER
from specformer._logging import logger
from specformer._settings import settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from anndata import AnnData

    from specformer.tl._encode import Encoded

BLOCK = 2048
"""Samples in a block: a chunk of the store, written in one piece."""
RECIPE = "recipe"
SEALS = "seals.jsonl"
STORE = "store.zarr"


class EmbeddingStore:
    """A zarr store of an embedding in the making, in the folder `<name>.partial` beside its place.

    Parameters
    ----------
    path
        Its place.
    recipe
        Everything that decides the bits of the embedding, in types that JSON knows.

    Raises
    ------
    ValueError
        If its place, or the folder beside it, holds the embedding of another recipe.
    """

    def __init__(self, path: Path, recipe: Mapping[str, Any]) -> None:
        self.path, self.recipe = path, json.loads(json.dumps(recipe))
        self.partial = path.with_name(f"{path.name}.partial")
        if path.exists():
            self._require_same(_recipe_in(path), f"{path} is there already")
        if (self.partial / RECIPE).is_file():
            begun = json.loads((self.partial / RECIPE).read_text(encoding="utf-8"))
            self._require_same(begun, f"{self.partial} holds the beginnings of an embedding")

    def is_whole(self) -> bool:
        """Whether all of it is in its place already."""
        if self.path.exists():
            logger.info("    %s is there already, and is this embedding", self.path)
            shutil.rmtree(self.partial, ignore_errors=True)  # a run was killed just before it did this
        return self.path.exists()

    def begin(self, adata: AnnData, n_dims: int | None) -> list[slice]:
        """Make the store around `adata`, or find it again; the rows of the blocks that are still to be written."""
        import zarr

        n_obs = adata.n_obs
        if not (self.partial / RECIPE).is_file():
            shutil.rmtree(self.partial, ignore_errors=True)
            self.partial.mkdir(parents=True)
            adata.write_zarr(self.partial / STORE)
            group: Any = zarr.open_group(self.partial / STORE, mode="r+", use_consolidated=False)
            array = group.require_group("obsm").create_array(
                X_SPECFORMER.name, shape=(n_obs, n_dims), chunks=(BLOCK, n_dims), dtype="float32"
            )
            array.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
            # Written last: without it there is nothing to go on with.
            unnamed = self.partial / f"{RECIPE}.new"
            unnamed.write_text(json.dumps(self.recipe), encoding="utf-8")
            unnamed.replace(self.partial / RECIPE)
        sealed, vectors = self._seals(), self._vectors()
        self._write_seals(sealed)
        blocks = [slice(start, min(start + BLOCK, n_obs)) for start in range(0, n_obs, BLOCK)]
        done = [rows for rows in blocks if rows.start in sealed and sealed[rows.start] == _hash(vectors[rows])]
        left = [rows for rows in blocks if rows not in done]
        if sealed:
            logger.info("    going on: %d of %d blocks are there", len(done), len(blocks))
        return left

    def fill(self, encoded: Iterable[Encoded], blocks: Iterable[slice]) -> None:
        """Write and seal blocks, whose samples come in order, and move the store to its place."""
        import zarr
        from tqdm.auto import tqdm

        array = self._vectors()
        encoded = iter(encoded)
        for rows in tqdm(list(blocks), unit="block", disable=not settings.progress):
            values = np.empty((rows.stop - rows.start, array.shape[1]), np.float32)
            filled = 0
            while filled < len(values):
                part = next(encoded).vectors
                values[filled : filled + len(part)] = part
                filled += len(part)
            array[rows] = values
            with (self.partial / SEALS).open("a", encoding="utf-8") as file:
                file.write(f"{json.dumps([rows.start, _hash(values)])}\n")
        zarr.consolidate_metadata(self.partial / STORE)
        (self.partial / STORE).replace(self.path)
        shutil.rmtree(self.partial)

    def _seals(self) -> dict[int, str]:
        try:
            # What comes after the last line break was being written when the run was killed.
            lines = (self.partial / SEALS).read_text(encoding="utf-8").split("\n")[:-1]
            return dict(json.loads(line) for line in lines)
        except FileNotFoundError:
            return {}

    def _write_seals(self, sealed: Mapping[int, str]) -> None:
        # Anew, so that a line that was never finished is not gone on with.
        unnamed = self.partial / f"{SEALS}.new"
        unnamed.write_text("".join(f"{json.dumps(seal)}\n" for seal in sealed.items()), encoding="utf-8")
        unnamed.replace(self.partial / SEALS)

    def _vectors(self) -> Any:
        import zarr

        group: Any = zarr.open_group(self.partial / STORE, mode="r+", use_consolidated=False)
        return group["obsm"][X_SPECFORMER.name]

    def _require_same(self, found: Mapping[str, Any] | None, what: str) -> None:
        if found == self.recipe:
            return
        names = sorted(set(self.recipe) | set(found or {}))
        other = [name for name in names if found is None or found.get(name) != self.recipe.get(name)]
        why = "it is no embedding that was made so" if found is None else f"it was made with other {shown(other)}"
        msg = f"{what}, and {why}. Choose another place, or delete it."
        raise ValueError(msg)


def _recipe_in(path: Path) -> dict[str, Any] | None:
    import zarr
    from anndata.io import read_elem

    try:
        group: Any = zarr.open_group(path, mode="r")
        return json.loads(read_elem(group["uns"][SPECFORMER.name]["stream"]))
    except (KeyError, OSError, TypeError, ValueError):
        return None


def _hash(values: Any) -> str:
    return sha256(np.ascontiguousarray(values).tobytes()).hexdigest()
