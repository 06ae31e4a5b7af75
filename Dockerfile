# The operator's image. Build from the checkout's root:
#   docker build -t dpojob-operator .        (or buildah bud)
# BASE_IMAGE: any image with Python 3.11 or newer, its venv module and CA certificates. By default the Python
# that the tests run with, by the digest of its index for all architectures. Python 3.13 refuses certificates
# without an authority key identifier, which older clusters have.
ARG BASE_IMAGE=python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b

FROM ${BASE_IMAGE} AS build
COPY locks/operator.txt /build/operator.txt
RUN python3 -m venv /opt/dpojob \
 && /opt/dpojob/bin/pip install --no-cache-dir --disable-pip-version-check --no-compile \
      --require-hashes -r /build/operator.txt
COPY api/src planner/src operator/src /build/src/
# Our own packages lie beside the locked ones: nothing is resolved or downloaded for them.
RUN site=$(/opt/dpojob/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') \
 && cp -r /build/src/dpojob_api /build/src/dpojob_planner /build/src/dpojob_operator "$site"/ \
 && /opt/dpojob/bin/python -m compileall -q "$site" \
 && /opt/dpojob/bin/python -c 'import dpojob_operator.main' \
 && /opt/dpojob/bin/pip uninstall -q -y pip

FROM ${BASE_IMAGE}
COPY --from=build /opt/dpojob /opt/dpojob
# The user has no entry in /etc/passwd, so HOME is set explicitly.
ENV PATH=/opt/dpojob/bin:$PATH HOME=/ PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
EXPOSE 8081
ENTRYPOINT ["python", "-m", "dpojob_operator"]
# The release workflow gives these; they come last, so that no other layer depends on them.
ARG SOURCE=https://github.com/dpojob/dpojob
ARG VERSION=unreleased
ARG REVISION=unknown
LABEL org.opencontainers.image.title="dpojob-operator" \
      org.opencontainers.image.description="The operator of DPOJob: preference tuning as a Kubernetes resource" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="$SOURCE" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
