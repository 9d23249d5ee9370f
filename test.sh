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

# Synthesis, simulation and timing that tests compare with, and a cell library to do it on:
# Debian package and a file of it.
need() {
    [ -e "$2" ] || missing+=("$1")
}
missing=()
need yosys /usr/bin/yosys
need iverilog /usr/bin/iverilog
need verilator /usr/bin/verilator
need opensta /usr/bin/sta
need g++ /usr/bin/g++
need make /usr/bin/make
need qflow-tech-osu018 /usr/share/qflow/tech/osu018/osu018_stdcells.lib
# The report's page is looked at in a browser.
need chromium /usr/bin/chromium
# The package for Python is tested in environments of its own.
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
if [ ${#missing[@]} -gt 0 ]; then
    { command -v apt-get >/dev/null \
        && { apt-get install -y --no-install-recommends "${missing[@]}" \
            || { apt-get update && apt-get install -y --no-install-recommends "${missing[@]}"; }; } \
            >/dev/null; } \
        || fail "these are missing and could not be installed; on Debian: apt install ${missing[*]}"
fi

# Gigabytes for the tests in Python come while Rust is compiled; python/test.sh waits for them, and
# tries again if they did not come.
mkdir -p "${CARGO_TARGET_DIR:-target}"
python/environment.sh >"${CARGO_TARGET_DIR:-target}/environment.log" 2>&1 &

step() {
    printf '\n== %s\n' "$*"
    "$@"
}

step cargo fmt --all --check
step cargo clippy --workspace --all-targets -- -D warnings
step cargo test --workspace --no-run
# Neither the tests in Python nor the documentation keep all cores busy: they go beside the others.
beside() {
    "$@" >"$logs/$1.log" 2>&1
}
logs=$(mktemp -d)
# `kill` without a process fails, and a failure in a trap would become the script's own.
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$logs"' EXIT
documentation() {
    RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps
}
python_tests() {
    python/test.sh
}
beside python_tests &
python=$!
beside documentation &
documented=$!
step cargo test --workspace
for job in "$python python_tests" "$documented documentation"; do
    read -r process name <<<"$job"
    printf '\n== %s\n' "$name"
    wait "$process" || { cat "$logs/$name.log"; exit 1; }
    tail -n 3 "$logs/$name.log"
done

printf '\nAll checks passed.\n'
