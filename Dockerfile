# syntax=docker/dockerfile:1

# === The program, built where nothing of the machine leaks in ===
FROM rust:1.95-bookworm AS builder
WORKDIR /build

# Dependencies first: this layer is built again only when they change. The empty crate has the shape of the real one.
# The image says which Rust: rust-toolchain.toml, which asks for more than a build needs, stays outside.
COPY Cargo.toml Cargo.lock ./
RUN mkdir -p src benches \
    && echo 'fn main() {}' > src/main.rs \
    && touch src/lib.rs \
    && sed -n '/^\[\[bench\]\]/,/^$/s/^name = "\(.*\)"/\1/p' Cargo.toml \
        | while read -r bench; do echo 'fn main() {}' > "benches/$bench.rs"; done \
    && cargo build --release --locked \
    && rm -rf src benches

COPY src src
COPY schema.graphql tokenward.toml ./
COPY benches benches
# Cargo compares times: what was copied may be older than the empty crate that was built above.
RUN find src -name '*.rs' -exec touch {} + && cargo build --release --locked --bin tokenward
# The folder of the volume, with its owner: the last stage has no shell that needs to run.
RUN install -d -m 0700 -o 10001 -g 10001 /empty/data

# === What runs ===
FROM debian:bookworm-slim
LABEL org.opencontainers.image.title="tokenward" \
      org.opencontainers.image.description="Issues, checks and revokes Magento authorization tokens" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"

COPY --from=builder /build/target/release/tokenward /usr/local/bin/tokenward
COPY --from=builder --chown=10001:10001 /empty/data /data
COPY LICENSE LICENSE-MIT LICENSE-APACHE /usr/share/doc/tokenward/

# A number, so that Kubernetes can see that it is not root.
USER 10001:10001

# Inside a container loopback is nobody's: which port is published to whom is decided outside. Only the public one
# (8080) may face the internet. Everything that is written is below /data, so the root file system may be read-only.
ENV TOKENWARD__HTTP__PUBLIC=0.0.0.0:8080 \
    TOKENWARD__HTTP__INTERNAL=0.0.0.0:8081 \
    TOKENWARD__DATA__DIR=/data
WORKDIR /data
VOLUME /data
EXPOSE 8080 8081 8083

# It asks the listener of the configuration, so name a file by TOKENWARD_CONFIG rather than by an argument of `serve`.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 CMD ["tokenward", "healthcheck"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["tokenward"]
CMD ["serve"]
