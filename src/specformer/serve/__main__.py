"""Open a page in the browser to drop a file of expression on; see `specformer serve --help`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from specformer._settings import settings

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def main(arguments: list[str] | None = None) -> None:
    """Parse the command line and serve until interrupted."""
    args = _parser().parse_args(arguments)
    settings.max_upload_mb = args.max_upload_mb
    if args.address not in LOOPBACK:
        print(
            f"warning: whoever reaches {args.address}:{args.port} can use this page; it has no login and no encryption.",
            file=sys.stderr,
        )
    from streamlit.web.cli import main as streamlit

    streamlit(["run", str(Path(__file__).with_name("_page.py")), *flags(args)], standalone_mode=False)


def flags(args: argparse.Namespace) -> list[str]:
    """What streamlit is told: only what was asked for is reachable, and nothing is reported to anyone."""
    options = {
        "server.address": args.address,
        "server.port": args.port,
        "server.headless": "false" if args.browser else "true",
        "server.maxUploadSize": args.max_upload_mb,
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "client.showErrorDetails": "none",
        "client.toolbarMode": "minimal",
        "theme.primaryColor": "#0072b2",
    }
    return [f"--{name}={value}" for name, value in options.items()]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="specformer serve",
        description="A page to drop a file of expression on: what it is, its UMAP, predicted types, the embedded file.",
        epilog="Stop it with Ctrl-C. Uploads live in memory, for as long as their page is open.",
    )
    parser.add_argument("--address", default="127.0.0.1", help="who may connect (default: this machine alone)")
    parser.add_argument("--port", type=int, default=8501)
    parser.add_argument(
        "--max-upload-mb",
        type=int,
        default=settings.max_upload_mb,
        help="largest file that is taken (default: sf.settings.max_upload_mb, %(default)s)",
    )
    parser.add_argument("--browser", action="store_true", help="open the page in this machine's browser")
    return parser


if __name__ == "__main__":
    main()
