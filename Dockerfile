# The prediction server. Targets: serve (the default; mount a store at /app/model) and baked (with the model/ of this
# folder inside). It serves compiled models; the build argument REQUIREMENTS=sklearn adds what others need. `make image`
# passes VERSION, for the label. Behind a proxy pass the build secrets `ca` (a CA bundle) and `pipconf`; without them
# nothing is mounted.
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS build
ARG REQUIREMENTS=serve
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY deploy/requirements-build.txt deploy/requirements-${REQUIREMENTS}.txt deploy/
# Two environments: what builds the wheel stays behind, and pip is in neither.
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt \
    --mount=type=secret,id=pipconf,target=/etc/pip.conf \
    python -m venv --without-pip /opt/build && python -m venv --without-pip /opt/fasttrack \
    && python -m pip --python /opt/build/bin/python install --require-hashes --only-binary :all: \
        --requirement deploy/requirements-build.txt \
    && python -m pip --python /opt/fasttrack/bin/python install --require-hashes --only-binary :all: \
        --requirement "deploy/requirements-${REQUIREMENTS}.txt"
COPY pyproject.toml README.md LICENSE ./
COPY src/fasttrack src/fasttrack
RUN /opt/build/bin/hatchling build --target wheel --directory dist \
    && python -m pip --python /opt/fasttrack/bin/python install --no-index --no-deps dist/*.whl

FROM ${BASE_IMAGE} AS runtime
ARG VERSION=unknown
LABEL org.opencontainers.image.title="FastTrack-MLOps" \
      org.opencontainers.image.description="Serves a trained model over HTTP, with metrics" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}"
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /app --shell /usr/sbin/nologin fasttrack \
    && install --directory --owner=fasttrack --group=fasttrack /app/journal /app/cache
COPY --from=build /opt/fasttrack /opt/fasttrack
WORKDIR /app
COPY api api
# The byte code was compiled while installing; at run time the root file system may be read-only.
ENV PATH=/opt/fasttrack/bin:$PATH \
    FASTTRACK_STORE=/app/model \
    FASTTRACK_CACHE=/app/cache \
    ORT_DISABLE_TELEMETRY=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health/live', timeout=2)"]
CMD ["fasttrack", "serve", "--host", "0.0.0.0", "--port", "8000"]

FROM runtime AS baked
COPY model model

FROM runtime AS serve
