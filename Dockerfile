# The image of the connector, for linux/amd64 and linux/arm64: a static binary on busybox.
#
#   docker build --tag source-zendesk-audit-logs:dev .
#   docker buildx build --platform linux/amd64,linux/arm64 --tag REGISTRY/source-zendesk-audit-logs:0.1.0 --push .
#
# Airbyte starts a shell that runs $AIRBYTE_ENTRYPOINT and uses `cat` and `sleep`, as uid 1000 and without capabilities.
# So the image needs a shell, and ENV AIRBYTE_ENTRYPOINT must equal ENTRYPOINT. The CA roots are compiled into the binary;
# SSL_CERT_FILE adds to them.
#
# Everything is compiled on the machine's own architecture, so that no stage needs emulation.

# Base images are pinned by version. To pin their content as well, append the digest of the index that
# `docker buildx imagetools inspect IMAGE` prints: busybox:1.37.0-musl@sha256:… Dependabot updates both, but only in FROM.

# ---- build: /source-zendesk-audit-logs, static, for the target's architecture ----------------------
FROM --platform=$BUILDPLATFORM rust:1.95.0-slim-bookworm AS build
ARG TARGETARCH
WORKDIR /src

# Installs the target and a C compiler for it: `ring` has C and assembly.
RUN set -eu; \
    case "$TARGETARCH" in \
      amd64) machine=x86_64; libc=libc6-dev-amd64-cross ;; \
      arm64) machine=aarch64; libc=libc6-dev-arm64-cross ;; \
      *) echo "unsupported architecture: '$TARGETARCH'" >&2; exit 1 ;; \
    esac; \
    target="$machine-unknown-linux-gnu"; gcc="$machine-linux-gnu-gcc"; \
    if ! command -v "$gcc" >/dev/null; then \
      apt-get update; \
      apt-get install -y --no-install-recommends "gcc-$(echo "$machine" | tr _ -)-linux-gnu" "$libc"; \
      rm -rf /var/lib/apt/lists/*; \
    fi; \
    rustup target add "$target"; \
    { \
      echo '[build]'; \
      echo "target = \"$target\""; \
      echo "[target.$target]"; \
      echo "linker = \"$gcc\""; \
      echo 'rustflags = ["-C", "target-feature=+crt-static"]'; \
    } > "$CARGO_HOME/config.toml"; \
    echo "$target" > /target

# Builds the dependencies in a separate layer, which depends on the manifests and not on the sources.
COPY Cargo.toml Cargo.lock ./
COPY sandbox/Cargo.toml sandbox/
COPY simulation/Cargo.toml simulation/
RUN set -eu; \
    mkdir -p src benches sandbox/src simulation/src; \
    echo 'fn main() {}' | tee benches/cost.rs benches/extraction.rs benches/hot_path.rs src/main.rs \
      > sandbox/src/main.rs; \
    touch src/lib.rs sandbox/src/lib.rs simulation/src/lib.rs; \
    cargo build --release --locked --package source-zendesk-audit-logs; \
    rm -r src benches sandbox/src simulation/src

# Builds the sources. Cargo compares times, and the sources may be older than the placeholders above.
COPY src src
COPY benches benches
COPY sandbox sandbox
COPY simulation simulation
RUN set -eu; \
    touch src/lib.rs src/main.rs; \
    cargo build --release --locked --package source-zendesk-audit-logs; \
    cp "target/$(cat /target)/release/source-zendesk-audit-logs" /source-zendesk-audit-logs

# ---- accounts: the user and the home directory -----------------------------------------------------
FROM --platform=$BUILDPLATFORM busybox:1.37.0-musl AS accounts
RUN set -eu; \
    mkdir -p /rootfs/etc /rootfs/airbyte; \
    cp /etc/passwd /etc/group /rootfs/etc/; \
    echo 'airbyte:x:1000:1000:airbyte:/airbyte:/bin/sh' >> /rootfs/etc/passwd; \
    echo 'airbyte:x:1000:' >> /rootfs/etc/group

# ---- the image ------------------------------------------------------------------------------------
FROM busybox:1.37.0-musl

COPY --from=accounts /rootfs/etc/ /etc/
COPY --from=accounts --chown=1000:1000 /rootfs/airbyte/ /airbyte/
COPY LICENSE /licenses/
COPY --from=build /source-zendesk-audit-logs /usr/local/bin/

USER 1000:1000
WORKDIR /airbyte
ENV AIRBYTE_ENTRYPOINT="/usr/local/bin/source-zendesk-audit-logs"
ENTRYPOINT ["/usr/local/bin/source-zendesk-audit-logs"]

# tests/image.rs compares these with metadata.yaml and Cargo.toml. The release adds the revision and the address of the
# sources.
LABEL io.airbyte.name="source-zendesk-audit-logs" \
      io.airbyte.version="0.1.0" \
      org.opencontainers.image.title="source-zendesk-audit-logs" \
      org.opencontainers.image.description="Airbyte source for the Zendesk Audit Logs API" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT"
