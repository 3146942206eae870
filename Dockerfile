# One image definition for every service: docker build --build-arg SERVICE=registry -t qsmo-registry .
ARG BASE=docker.io/library/python:3.11-slim-bookworm
FROM ${BASE} AS build
ARG SOURCE_DATE_EPOCH=0
ENV UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_NO_CACHE=1 UV_PROJECT_ENVIRONMENT=/app/.venv PYTHONHASHSEED=0 \
    SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH}
WORKDIR /source
RUN ["python3", "-m", "venv", "/uv"]
RUN ["/uv/bin/python3", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-cache-dir", "uv==0.13.9"]
COPY pyproject.toml uv.lock README.md LICENSE ./
# Dependencies first, by the hashes in uv.lock: they change less often than we do.
RUN ["/uv/bin/uv", "sync", "--frozen", "--no-dev", "--no-install-project"]
COPY services services
COPY shared shared
COPY deploy/image deploy/image
RUN ["/uv/bin/uv", "sync", "--frozen", "--no-dev", "--no-editable"]
RUN ["/uv/bin/uv", "export", "--quiet", "--frozen", "--no-dev", "--format", "cyclonedx1.5", "--output-file", "/source/parts.json"]
# Two builds are alike to the byte; see deploy/verify-image.sh.
RUN ["python3", "-X", "no_debug_ranges", "deploy/image/finish.py", \
     "/app/.venv", "/source/parts.json", "/dependencies", "/own"]

FROM ${BASE}
ARG BASE
ARG SERVICE=gateway
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="qsmo-${SERVICE}" \
      org.opencontainers.image.description="QSMO Marketplace Platform" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${BASE}" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /dependencies /
COPY --from=build /own /
WORKDIR /app
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    UVICORN_APP=services.process:${SERVICE} \
    UVICORN_FACTORY=true \
    UVICORN_HOST=0.0.0.0 \
    UVICORN_PORT=8080 \
    UVICORN_LOG_LEVEL=warning \
    UVICORN_ACCESS_LOG=false \
    UVICORN_SERVER_HEADER=false \
    UVICORN_HTTP=shared.web.server:AtOnce \
    UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN=20
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=12 \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/readyz', timeout=2)"]
ENTRYPOINT ["python", "-m", "uvicorn"]
