# Every node of a cluster runs this image: the versions of requirements.lock, and the repository.
FROM python:3.11-slim

RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates openssh-client rsync wget \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 mmm

ENV OMP_NUM_THREADS=1 \
    RAY_USAGE_STATS_ENABLED=0 \
    MLFLOW_DISABLE_TELEMETRY=true \
    PIP_NO_CACHE_DIR=1 \
    PYTHONUNBUFFERED=1

WORKDIR /app
COPY requirements.lock ./
# torch first and from its own index: the CPU build satisfies everything after it, and nothing pulls CUDA.
RUN pip install --index-url https://download.pytorch.org/whl/cpu "$(grep '^torch==' requirements.lock)" \
    && pip install -r requirements.lock

COPY pyproject.toml README.md LICENSE ./
COPY mmm mmm
COPY jobs jobs
COPY serve serve
RUN pip install --no-deps --no-build-isolation -e . && python -c "import jobs.refit.command, mmm.pipeline"

USER mmm
CMD ["python", "-m", "jobs.refit", "--help"]
