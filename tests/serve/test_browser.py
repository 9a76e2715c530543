"""The page in a real browser: a file goes in, the findings are seen, the embedded file comes out."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import anndata as ad
import pytest

pytest.importorskip("streamlit", reason='needs pip install ".[serve]"')
webdriver = pytest.importorskip("selenium.webdriver", reason="needs pip install selenium")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
if not (CHROMIUM and DRIVER):
    pytest.skip("no chromium (or google-chrome) and chromedriver on the path", allow_module_level=True)

PATIENCE = 300
# Where pictures of the page go, for whoever wants to look at them.
SHOTS = os.environ.get("SPECFORMER_SHOTS")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "specformer", "serve", "--port", str(port), "--max-upload-mb", "20"]
    log = (tmp_path_factory.mktemp("serve") / "log").open("w")
    server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    wait_for(lambda: answers(f"http://127.0.0.1:{port}/_stcore/health"), 120)
    yield f"http://127.0.0.1:{port}"
    server.terminate()
    server.wait(30)


@pytest.fixture
def browser(tmp_path):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    flags += "--disable-component-update --disable-sync --window-size=1280,1800"
    for flag in [*flags.split(), f"--user-data-dir={tmp_path / 'profile'}"]:
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"download.default_directory": str(tmp_path)})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


def answers(url: str) -> bool:
    try:
        return urllib.request.urlopen(url, timeout=5).status == 200
    except (urllib.error.URLError, OSError):
        return False


def wait_for(condition, seconds: float = PATIENCE):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.5)
    return found


def drop(browser, address: str, path: Path) -> None:
    browser.get(address)
    field = wait_for(lambda: browser.find_elements("css selector", "input[type=file]"))[0]
    field.send_keys(str(path))


def text(browser) -> str:
    return browser.find_element("tag name", "body").text


def shoot(browser, name: str) -> None:
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        browser.save_screenshot(str(Path(SHOTS) / f"{name}.png"))


def embed_and_fetch(browser, address: str, path: Path, folder: Path) -> ad.AnnData:
    drop(browser, address, path)
    wait_for(lambda: "Predicted types" in text(browser))
    wait_for(lambda: browser.find_elements("css selector", "canvas"))
    time.sleep(2)  # the chart draws itself
    shoot(browser, path.stem)
    button = browser.find_element("css selector", "[data-testid=stDownloadButton] button")
    button.click()
    return ad.read_h5ad(wait_for(lambda: list(folder.glob(f"{path.stem}_embedded.h5ad")), 60)[0])


def test_a_table_goes_in_and_an_embedded_file_comes_out(browser, address, table, tmp_path):
    embedded = embed_and_fetch(browser, address, table, tmp_path)
    assert embedded.obsm["X_specformer"].shape[0] == 12
    assert "cancer_type_pred" in embedded.obs
    assert "counts" in text(browser)


@pytest.mark.real_data
def test_real_counts(browser, address, tmp_path, real_data):
    path = tmp_path / "htseq.h5ad"
    source = ad.read_h5ad(real_data / "tcga_htseq_counts.h5ad", backed="r")
    source[::6].to_memory().write_h5ad(path, compression="gzip")
    embedded = embed_and_fetch(browser, address, path, tmp_path)
    types = embedded.obs["cancer_type"].astype(str)
    assert (embedded.obs["cancer_type_pred"].astype(str) == types).mean() > 0.8


def test_a_pickle_is_refused(browser, address, tmp_path):
    (tmp_path / "evil.csv").write_bytes(b"\x80\x04K\x01.")
    drop(browser, address, tmp_path / "evil.csv")
    wait_for(lambda: "never opened because it could run code" in text(browser), 60)
    shoot(browser, "refused")


def test_too_large_is_refused(browser, address, tmp_path):
    (tmp_path / "large.csv").write_bytes(b"a," * (11 << 20))
    drop(browser, address, tmp_path / "large.csv")
    wait_for(lambda: "20" in text(browser) and "MB or smaller" in text(browser).replace("20MB", "20 MB"), 60)
    shoot(browser, "large")


def test_a_picture_is_refused(browser, address, tmp_path):
    (tmp_path / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    drop(browser, address, tmp_path / "photo.png")
    wait_for(lambda: "not allowed" in text(browser), 60)
