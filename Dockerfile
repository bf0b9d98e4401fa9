# The hub as a service (docs/server.md): docker build -t flunq-events .

# Tag and digest name the same image; whoever changes one changes the other.
ARG PYTHON_IMAGE=python:3.13.15-slim-trixie@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b

FROM ${PYTHON_IMAGE} AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1 PIP_NO_DEPS=1 PIP_REQUIRE_HASHES=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv --without-pip /opt/hub && python -m venv /opt/protoc

COPY requirements-server.txt requirements-server-aws.txt /build/
COPY layers/kafka/requirements.txt /build/requirements-kafka.txt
# AWS=true: with boto3, for a cache that is entered by IAM, and for the queues of a serverless hub.
ARG AWS=false
# KAFKA=true: with the library of Kafka, for a journal there.
ARG KAFKA=false
RUN python -m pip --python /opt/hub/bin/python install --quiet --requirement /build/requirements-server.txt \
    && if [ "$AWS" = true ]; then \
        python -m pip --python /opt/hub/bin/python install --quiet --requirement /build/requirements-server-aws.txt; \
    fi \
    && if [ "$KAFKA" = true ]; then \
        python -m pip --python /opt/hub/bin/python install --quiet --requirement /build/requirements-kafka.txt; \
    fi

COPY requirements-proto.txt /build/
RUN /opt/protoc/bin/python -m pip install --quiet --requirement /build/requirements-proto.txt
COPY proto /build/proto
RUN /opt/protoc/bin/python /build/proto/generate.py /srv/hub

COPY infra/image/root /build/root
RUN /build/root /rootfs /opt/hub
COPY layers/eventstore /srv/hub
COPY infra/hosting /srv/hub
COPY infra/server /srv/hub
COPY functions /srv/hub/functions
# Compiled now, because a container cannot keep what it compiles.
RUN python -m compileall -q -j 0 --invalidation-mode unchecked-hash -s /rootfs /rootfs/usr/local/lib /rootfs/opt/hub \
    && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /srv/hub \
    && mkdir -p /owned/data

# Not python:3.13-slim: with its own package manager and pip the image would have 50 MB more, which nothing uses.
FROM scratch
COPY --from=builder /rootfs /
COPY --from=builder /srv/hub /srv/hub
COPY --from=builder --chown=65532:65532 /owned /

ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="flunq-eventstore" \
      org.opencontainers.image.description="The event hub of a workflow engine: REST, WebSocket and gRPC." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.url="https://flunq.io" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

ENV PATH=/opt/hub/bin:/usr/local/bin:/bin \
    LANG=C.UTF-8 \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    PYTHONPATH=/srv/hub \
    PYTHONSAFEPATH=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0 \
    PORT=8081 \
    GRPC_PORT=9001 \
    DATA=/data

USER 65532:65532
VOLUME /data
EXPOSE 8081 9001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s CMD ["python", "-S", "-m", "eventstore_server.probe"]
ENTRYPOINT ["python", "-m", "eventstore_server"]
