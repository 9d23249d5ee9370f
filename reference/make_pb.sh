#!/usr/bin/env bash
# Makes core/src/model/pb.rs from the schema that the PyPI package onnx carries.
# Needs: pip install onnx==1.23.2; protoc (Debian: protobuf-compiler); cargo.
set -euo pipefail
target=$(realpath "$(dirname "$0")/../src/model/pb.rs")
schema=$(python3 -c 'import onnx, os; print(os.path.join(os.path.dirname(onnx.__file__), "onnx.proto"))')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
# As proto3, where fields need no Option each. What proto2 does not pack stays unpacked: readers
# that know just the one form must be able to read what we write.
sed -E 's/^syntax = "proto2";/syntax = "proto3";/; s/^( *)optional /\1/
    s/^( *repeated (int64|float|double|int32|uint64) [a-z0-9_]+ = [0-9]+);/\1 [packed = false];/' \
    "$schema" >onnx.proto
cargo init --quiet --name generate
cargo add --quiet prost-build@0.14
cat >src/main.rs <<'RUST'
fn main() {
    let mut config = prost_build::Config::new();
    config.out_dir(".").disable_comments(["."]);
    config.compile_protos(&["onnx.proto"], &["."]).expect("protoc runs");
}
RUST
cargo run --quiet
{
    cat <<'RUST'
//! ONNX's messages, as prost generates them from `onnx.proto` of the PyPI package onnx 1.23.2
//! (Apache-2.0). Made by `reference/make_pb.sh`; not edited by hand.

// The schema has its own documentation, at https://onnx.ai/onnx/api/classes.html.
#![allow(missing_docs, clippy::all)]

RUST
    grep -v '^// This file is @generated' onnx.rs
} >"$target"
rustfmt --edition 2024 "$target"
