"""What to say about an installation."""

from __future__ import annotations

import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

__all__ = ["print_versions"]


def print_versions(*, file: TextIO | None = None) -> None:
    """Print the versions of the package and of everything it stands on, as a report of a problem should have them.

    Parameters
    ----------
    file
        Where to; standard output by default.

    Returns
    -------
    Nothing.

    Examples
    --------
    >>> import specformer as sf
    >>> sf.logging.print_versions()  # doctest: +ELLIPSIS
    specformer ...
    """
    lines = {"specformer": version("specformer"), "Python": sys.version.split()[0], "system": platform.platform()}
    for requirement in requires("specformer") or []:
        if "extra ==" not in requirement:
            name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
            lines[name] = _version(name)
    lines["devices"] = ", ".join(_devices())
    width = max(map(len, lines))
    print("\n".join(f"{name:<{width}} {found}" for name, found in lines.items()), file=file)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _devices() -> list[str]:
    import torch

    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return ["cpu", *gpus, *(["mps"] if torch.backends.mps.is_available() else [])]
