# Needs BuildKit, the default builder since Docker 23.

ARG RUST_VERSION=1
ARG DEBIAN_RELEASE=bookworm

FROM rust:${RUST_VERSION}-slim-${DEBIAN_RELEASE} AS builder
# SQLite and the cryptography are C: the image already has a compiler and a linker,
# named here so that a slimmer base fails at this line and not in a build script.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# The registry and the compiled dependencies stay in the builder's cache, so that a
# change of ours compiles ours alone. A cache is no part of the image: copy out of it.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --locked --release --package otp-login \
    && install -D -m 0755 target/release/otp-login /out/otp-login \
    && install -d -m 0755 /out/data

FROM debian:${DEBIAN_RELEASE}-slim
# The CA certificates are for calls to the verification provider.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*
COPY --from=builder /out/otp-login /usr/local/bin/otp-login
WORKDIR /app
COPY config config
# The one folder that is written to, and only where DATABASE_URL is an SQLite file.
COPY --from=builder --chown=65532:65532 /out/data data
# A number, so that Kubernetes can see that it is not root.
USER 65532:65532
# Strict unless told otherwise: no development secret and no simulator starts here.
ENV OTP_LOGIN_ENV=production \
    OTP_LOGIN__SERVER__HOST=0.0.0.0
EXPOSE 3000
# An order to stop is finished within 30 seconds: give it `docker stop --time 35`.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["otp-login", "health"]
ENTRYPOINT ["otp-login"]
