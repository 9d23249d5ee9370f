#!/usr/bin/env bash
# Makes hardware/costs.json again, in half an hour of CPU time. Takes a folder with the Liberty files of
# ASAP7 (RVT TT: SIMPLE, INVBUF, AO, OA, SEQ) and of IHP SG13G2 (typical), gzipped.
set -euo pipefail
cells=$(realpath "${1:?usage: hardware/measure_costs.sh FOLDER_WITH_LIBERTY_FILES}")
cd "$(dirname "$0")/.."

measure() {
    cargo run --release --quiet -- hardware measure --out hardware/costs.json --force "$@"
}
measure --library asap7 --clock-ps 1000 --cells "$cells"/asap7sc7p5t_*_RVT_TT_nldm_*.lib.gz
measure --library ihp-sg13g2 --clock-ps 10000 --cells "$cells"/sg13g2_stdcell_typ_1p20V_25C.lib.gz
