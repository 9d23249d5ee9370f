#!/usr/bin/env bash
# All checks: formatting, lints, tests, documentation. Stops at the first failure.
set -euo pipefail
cd "$(dirname "$0")"

fail() {
    printf 'test.sh: %s\n' "$1" >&2
    exit 2
}

command -v cargo >/dev/null \
    || fail 'cargo is not on the PATH; install Rust from https://rustup.rs'
cargo fmt --version >/dev/null 2>&1 \
    || fail 'rustfmt is missing; install it with: rustup component add rustfmt'
cargo clippy --version >/dev/null 2>&1 \
    || fail 'clippy is missing; install it with: rustup component add clippy'

# Reads the Verilog that Recoup does not read itself; some tests compare with it.
command -v yosys >/dev/null \
    || { command -v apt-get >/dev/null && apt-get install -y --no-install-recommends yosys >/dev/null; } \
    || fail 'yosys is missing and could not be installed; on Debian: apt install yosys'

step() {
    printf '\n== %s\n' "$*"
    "$@"
}

step cargo fmt --all --check
step cargo clippy --workspace --all-targets -- -D warnings
step cargo test --workspace
step env RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps

printf '\nAll checks passed.\n'
