"""A file of unknown origin, read as a matrix of expression or refused with the reason. Nothing in it is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from specformer._settings import settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from anndata import AnnData

SUFFIXES = (".h5ad", ".csv", ".tsv")
MEGABYTE = 1024**2

HDF5 = b"\x89HDF\r\n\x1a\n"
SIGNATURES = {
    HDF5: "an HDF5 file",
    b"PK\x03\x04": "a zip archive (or a spreadsheet: save it as CSV)",
    b"\x1f\x8b": "a gzip archive: unpack it first",
    b"BZh": "a bzip2 archive: unpack it first",
    b"\xfd7zXZ": "an xz archive: unpack it first",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"%PDF": "a PDF document",
    b"\x80\x02": "a Python pickle, which is never opened because it could run code",
    b"\x80\x03": "a Python pickle, which is never opened because it could run code",
    b"\x80\x04": "a Python pickle, which is never opened because it could run code",
    b"\x80\x05": "a Python pickle, which is never opened because it could run code",
    b"RDX": "an R data file: write it as CSV",
    b"\xd0\xcf\x11\xe0": "an old spreadsheet: save it as CSV",
}


def read_upload(path: Path, *, max_megabytes: int | None = None) -> AnnData:
    """Read an uploaded file of expression, or say why it is none.

    The content decides, not the name alone: what looks like an archive, a picture, a pickle or the wrong kind of HDF5
    file is refused. Nothing in the file is run, links to other files are not followed, and nothing is written.

    Parameters
    ----------
    path
        An `.h5ad` file (samples x genes), or a `.csv`/`.tsv` table either way round, whose first column and first row are
        names. Columns of text in a table are kept as annotation.
    max_megabytes
        Larger files are refused, and so are files that would unpack to 16 times as much; by default
        `sf.settings.max_upload_mb`.

    Returns
    -------
    Samples x genes, in memory, names as they are in the file.

    Raises
    ------
    ValueError
        If the file is too large, empty, of another kind, or holds no table of numbers. The message is one for users.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import specformer as sf
    >>> from specformer.serve import read_upload
    >>> path = Path(tempfile.mkdtemp()) / "cohort.csv"
    >>> sf.datasets.simulated_cohort(3)[:, :100].to_df().T.to_csv(path)
    >>> read_upload(path).shape
    (3, 100)
    """
    limit = (settings.max_upload_mb if max_megabytes is None else max_megabytes) * MEGABYTE
    n_bytes = path.stat().st_size
    if n_bytes > limit:
        msg = (
            f"The file has {n_bytes / MEGABYTE:,.1f} MB; at most {limit / MEGABYTE:,.0f} MB are taken here. For larger "
            "cohorts use `sf.tl.specformer_embed`, or start the page with a higher --max-upload-mb."
        )
        raise ValueError(msg)
    if n_bytes == 0:
        msg = "The file is empty."
        raise ValueError(msg)
    return _reader(path)(path, 16 * limit)


def _reader(path: Path) -> Callable[[Path, int], AnnData]:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        msg = f"Files of type {suffix or 'without a suffix'} are not read here; expected one of {', '.join(SUFFIXES)}."
        raise ValueError(msg)
    with path.open("rb") as file:
        head = file.read(1 << 16)
    kind = next((kind for signature, kind in SIGNATURES.items() if head.startswith(signature)), "")
    is_binary = bool(kind) or b"\x00" in head
    if suffix == ".h5ad":
        if not head.startswith(HDF5):
            msg = f"The file is named .h5ad but is {kind or ('a binary file' if is_binary else 'a text file')}."
            raise ValueError(msg)
        from specformer.serve._read_h5ad import read_h5ad

        return read_h5ad
    if is_binary:
        msg = f"The file is named {suffix} but is {kind or 'a binary file'}, and not a table in plain text."
        raise ValueError(msg)
    from specformer.serve._read_table import read_table

    return read_table
