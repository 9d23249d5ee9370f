#!/usr/bin/env bash
# Makes hardware/costs.json and hardware/mask_costs.json again, in 40 minutes of CPU time. Takes a folder with the
# Liberty files of ASAP7 (RVT TT: SIMPLE, INVBUF, AO, OA, SEQ) and of IHP SG13G2 (typical), gzipped.
set -euo pipefail
cells=$(realpath "${1:?usage: hardware/measure_costs.sh FOLDER_WITH_LIBERTY_FILES}")
cd "$(dirname "$0")/.."
asap7=("$cells"/asap7sc7p5t_*_RVT_TT_nldm_*.lib.gz)

measure() {
    cargo run --release --quiet -- hardware measure --force "$@"
}
measure --out hardware/costs.json --library asap7 --clock-ps 1000 --cells "${asap7[@]}"
measure --out hardware/costs.json --library ihp-sg13g2 --clock-ps 10000 \
    --cells "$cells"/sg13g2_stdcell_typ_1p20V_25C.lib.gz
# The plain array, for what the structure itself saves.
measure --out hardware/costs.json --library asap7-plain --clock-ps 1000 --size 64 \
    --products-per-pe 1 --share-columns 1 --clock-gating none \
    --multiplier perforated:2 perforated:3 recursive:4 recursive:5 truncated:7 truncated:8 truncated:9 \
    --cells "${asap7[@]}"
# Irregular masks, for the model of what masks cost, and those that searches chose.
masks=(
    mask:0xf0f0e0c080000000 mask:0xf0f0f0e0c0000000 mask:0xf0f8e08080000000 mask:0xf0f8f0e0c0000000
    mask:0xf8f0d8f0a0400000 mask:0xf8f0e0c080800000 mask:0xf8f0e0c0c0000000 mask:0xf8f0e0e080000000
    mask:0xf8f8f0e080000000 mask:0xf8f8f0e0c0000000 mask:0xf8f8f0e0c0800000 mask:0xf8f8f0f0c0000000
    mask:0xf8f8f0f0e0000000 mask:0xf8f8f8a0c0c00000 mask:0xf8f8f8f0e0408000 mask:0xf8f8f8f0e0c00000
    mask:0xf8f8f8f0e0c0c000 mask:0xfafcf8f0e0e08000 mask:0xfcf8e0a080800000 mask:0xfcf8f0e0a0000000
    mask:0xfcf8f0e0c0000000 mask:0xfcfce0f0e0800000 mask:0xfcfcfcf0e0000000 mask:0xfcfcfcf0f0c00000
    mask:0xfcfcfcf8f8000000 mask:0xfefcf8f0f0000000 mask:0xfefef8d8f0000000 mask:0xfefefefaf8f8e000
    mask:0xfffcf8f0e0000000 mask:0xfffefcfcf0e0c080 mask:0xfffffef0f0f0f0e0 truncated:10
)
measure --out hardware/mask_costs.json --library asap7 --clock-ps 1000 --size 64 \
    --multiplier "${masks[@]}" --cells "${asap7[@]}"
