"""The page. Streamlit runs this file from the top at every click; what was computed is kept in the session alone."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import streamlit as st

from specformer._keys import SPECFORMER
from specformer._settings import settings
from specformer.serve._annotate import LEAST_FOR_UMAP, UMAP, annotate, embedded_file, results
from specformer.serve._describe import Description, describe
from specformer.serve._read_upload import SUFFIXES, read_upload

if TYPE_CHECKING:
    import pandas as pd

DONE = "done"
MOST_COLOURS = 40
LEGEND: dict[str, Any] = {"orient": "bottom", "columns": 6, "symbolLimit": 0, "labelLimit": 120, "title": None}


class Done(NamedTuple):
    """What the session keeps of an upload: tables to show and the file to hand back, not the upload."""

    file_id: str
    found: Description
    table: pd.DataFrame
    points: pd.DataFrame | None
    embedded: bytes
    n_seen: int
    """Samples whose names are in the checkpoint's list of those that it was trained on."""


def main() -> None:
    """Draw the page."""
    st.set_page_config(page_title="specformer", layout="wide")
    st.title("specformer")
    st.markdown(
        "Drop a file of bulk RNA-seq expression: counts, TPM, FPKM or their logarithms, human genes of any naming. It is "
        "read in memory, embedded with the weights in the package, and forgotten when you close the page."
    )
    upload: Any = st.file_uploader(
        "Samples with expression (.h5ad, .csv or .tsv)", type=[suffix[1:] for suffix in SUFFIXES]
    )
    if upload is None:
        st.session_state.pop(DONE, None)
        st.caption(
            "A table has names in its first row and first column, and genes either way round. "
            f"At most {settings.max_upload_mb:,} MB."
        )
        return
    done: Done | None = st.session_state.get(DONE)
    if done is None or done.file_id != upload.file_id:
        st.session_state.pop(DONE, None)
        try:
            done = work_on(upload)
        except (KeyError, TypeError, ValueError) as error:
            st.error(str(error.args[0]))
            return
        except MemoryError:
            st.error("Memory ran out. Use `sf.tl.specformer_embed` on a backed file for a cohort of this size.")
            return
        st.session_state[DONE] = done
    show(done, Path(upload.name).stem)


def work_on(upload: Any) -> Done:
    """Read, describe and annotate an upload; its copy on disk is gone before anything is computed."""
    with st.status("Reading the file", expanded=False) as status:
        with TemporaryDirectory() as folder:
            path = Path(folder) / f"upload{Path(upload.name).suffix.lower()}"
            path.write_bytes(upload.getbuffer())
            adata = read_upload(path)
        found = describe(adata)
        status.update(label=f"Embedding {adata.n_obs:,} samples and predicting their types")
        annotate(adata)
        table = results(adata)
        points = None
        if UMAP in adata.obsm:
            points = table[["predicted type", "confidence"]].join(adata.obs, rsuffix=" (file)")
            points["UMAP 1"], points["UMAP 2"] = adata.obsm[UMAP].T
        n_seen = adata.uns[SPECFORMER.name]["seen_in_pretraining"]
        done = Done(upload.file_id, found, table, points, embedded_file(adata), n_seen)
        status.update(label="Done", state="complete")
    return done


def show(done: Done, name: str) -> None:
    """The findings, the picture, the table, and the file."""
    found = done.found
    st.subheader("What it is")
    for column, (label, value, help_) in zip(
        st.columns(4),
        (
            ("Samples", f"{found.n_samples:,}", None),
            ("Unit", found.scale, found.because),
            ("Genes at hand", f"{found.coverage:.1%}", f"{found.n_known:,} of the checkpoint's {found.n_vocabulary:,}"),
            (
                "Expected fidelity",
                f"{found.trust[0]:.2f}" if found.trust else "unknown",
                "Mean cosine to the vector from all genes, measured with random gene sets of this size.",
            ),
        ),
        strict=True,
    ):
        column.metric(label, value, help=help_)
    ways = ", ".join(f"{n:,} by {way}" for way, n in found.routes.items() if n and way != "unmatched")
    st.caption(
        f"Unit: {found.because}. Genes: {ways}; {found.routes['unmatched']:,} of {found.n_genes:,} names not recognised."
    )
    for warning in found.warnings:
        st.warning(warning)
    st.download_button(
        "Download the embedded .h5ad", done.embedded, f"{name}_embedded.h5ad", "application/x-hdf5", type="primary"
    )
    st.subheader("UMAP of the embedding")
    if done.points is None:
        st.info(f"A UMAP is drawn for {LEAST_FOR_UMAP} samples or more.")
    else:
        picture(done.points)
    st.subheader("Predicted types")
    st.caption(
        "The confidence is calibrated on held-out patients; below one half a sample is called uncertain. A sample unlike "
        "the training cohort has no type here, however confident. Nearest profiles are means over groups of training "
        "patients, by cosine: the package ships no samples. For research, not for diagnosis."
    )
    if done.n_seen:
        st.info(
            f"{done.n_seen:,} of these samples were seen in training, by name: what is predicted for them is no test of it."
        )
    st.dataframe(done.table, width="stretch")


def picture(points: pd.DataFrame) -> None:
    """The UMAP, coloured by a prediction or by a column of the file."""
    import altair as alt
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    def is_measured(name: str) -> bool:
        return is_numeric_dtype(points[name]) and not is_bool_dtype(points[name])

    names = [
        name
        for name in points.columns.drop(["UMAP 1", "UMAP 2"])
        if is_measured(name) or points[name].nunique() <= MOST_COLOURS
    ]
    name = st.selectbox("Colour", names)
    # Names of columns are the user's: dots and brackets in them would be read as paths.
    frame = points[["UMAP 1", "UMAP 2"]].assign(
        sample=points.index, colour=points[name], shown=points["predicted type"]
    )
    if not is_measured(name):
        frame["colour"] = frame["colour"].astype(str)
    colour = (
        alt.Color("colour:Q", scale=alt.Scale(scheme="viridis"), title=name)
        if is_measured(name)
        else alt.Color("colour:N", scale=alt.Scale(scheme="tableau20"), legend=alt.Legend(**LEGEND))
    )
    chart = (
        alt.Chart(frame)
        .mark_circle(size=45, opacity=0.8)
        .encode(
            alt.X("UMAP 1:Q", axis=None, scale=alt.Scale(zero=False)),
            alt.Y("UMAP 2:Q", axis=None, scale=alt.Scale(zero=False)),
            colour,
            [
                alt.Tooltip("sample:N"),
                alt.Tooltip("shown:N", title="predicted type"),
                alt.Tooltip("colour", title=name),
            ],
        )
        .properties(height=480)
        .interactive()
    )
    st.altair_chart(chart, width="stretch")


if __name__ == "__main__":
    main()
