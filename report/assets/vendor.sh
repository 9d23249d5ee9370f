#!/usr/bin/env bash
# Fetches the plotting libraries inside the page, at these versions. Needs npm and the network;
# run it only to change a version, with the new hashes below.
set -euo pipefail
cd "$(dirname "$0")/vendor"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

unpack() { # package, tarball, name here
    npm pack --silent --pack-destination "$work" "$1" >/dev/null
    mkdir "$work/$3"
    tar -xzf "$work/$2" -C "$work/$3"
    cp "$work/$3/package/LICENSE" "$3.LICENSE"
}

library() { # name here, file inside, SHA-256
    cp "$work/$1/package/dist/$2" "$2"
    echo "$3  $2" | sha256sum --check --quiet
}

unpack d3@7.9.2 d3-7.9.2.tgz d3
library d3 d3.min.js 912111098ea99503a6f4967361d2bbdc9dbf58cf9c678c8e27e5b02d1a07f0c1
unpack @observablehq/plot@0.6.17 observablehq-plot-0.6.17.tgz plot
library plot plot.umd.min.js 4358086467740777dd788d6b27a95cebdbaefdd50c730a3060117073bd7134cb
# Inside Plot's file, for the page has to name their licences.
unpack isoformat@0.2.1 isoformat-0.2.1.tgz isoformat
unpack interval-tree-1d@1.0.4 interval-tree-1d-1.0.4.tgz interval-tree-1d
unpack binary-search-bounds@2.0.5 binary-search-bounds-2.0.5.tgz binary-search-bounds
