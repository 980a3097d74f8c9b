# syntax=docker/dockerfile:1
# One image for all services: the subcommand says which one runs.

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src src
# Cargo wants every target that the manifest names.
COPY benches benches
COPY schemas schemas
COPY docs docs
COPY topics.yaml ./
# Told by `waybill --version`.
ARG COMMIT=unknown
ENV WAYBILL_COMMIT=${COMMIT}
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin waybill && cp target/release/waybill /waybill

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libssl3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --no-create-home waybill \
    && install -d -o waybill -g waybill /var/lib/waybill
ARG COMMIT=unknown
LABEL org.opencontainers.image.title="waybill" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${COMMIT}"
COPY --from=build /waybill /usr/local/bin/waybill
ENV WAYBILL_STORE__DIR=/var/lib/waybill
USER 10001:10001
VOLUME /var/lib/waybill
EXPOSE 9100
# SIGTERM: finish the transaction in flight, leave the group, exit.
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/waybill"]
CMD ["--help"]
