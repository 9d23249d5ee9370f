#!/usr/bin/env bash
# Trains the six networks and the transformer, one after the other:
#     zoo/train_all.sh fashion-mnist FOLDER
#     zoo/train_all.sh cifar10 FOLDER --cifar-dir DIR
# Further options go to train.py. Needs python3-torch, python3-numpy and for the
# first dataset-fashion-mnist (Debian).
set -euo pipefail
dataset=${1:?give the data set: fashion-mnist or cifar10}
mkdir -p "${2:?give the folder for the ONNX files}"
out=$(realpath "$2")
shift 2
train=$(dirname "$(realpath "$0")")/train.py

# PyTorch frees and asks for the same large blocks in each step. Keeping them in the
# process saves the system from clearing them each time: a tenth of the time.
export MALLOC_MMAP_THRESHOLD_=33554432 MALLOC_TRIM_THRESHOLD_=8589934592

for family in vgg8 resnet8 resnet20 googlenet shufflenet mobilenetv2 vit; do
    nice -n 19 python3 "$train" --family "$family" --dataset "$dataset" \
        --out "$out/${dataset%%-*}-$family.onnx" "$@"
done
