# The page of `specformer serve` and the command line, on a CPU:
#   docker build -t specformer .
#   docker run --rm -p 127.0.0.1:8501:8501 specformer
#   docker run --rm -v "$PWD:/data" specformer demo /data/cohort.h5ad --out /data/out
FROM python:3.13-slim AS build
RUN python -m venv /opt/specformer
ENV PATH=/opt/specformer/bin:$PATH PIP_NO_CACHE_DIR=1
RUN pip install torch --index-url https://download.pytorch.org/whl/cpu
# The version comes from git's tags; the history stays behind in this stage.
RUN apt-get update && apt-get install -y --no-install-recommends git && rm -rf /var/lib/apt/lists/*
COPY . /src
RUN pip install "/src[demo,serve]"

FROM python:3.13-slim
# OpenMP is what torch and numba use to work on several cores.
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home user && install --directory --owner user /data
COPY --from=build /opt/specformer /opt/specformer
ENV PATH=/opt/specformer/bin:$PATH NUMBA_CACHE_DIR=/tmp/numba MPLCONFIGDIR=/tmp/matplotlib
USER user
WORKDIR /data
EXPOSE 8501
ENTRYPOINT ["specformer"]
# Inside a container the loopback is the container's own: who may connect is decided by `docker run -p 127.0.0.1:...`.
CMD ["serve", "--address", "0.0.0.0"]
