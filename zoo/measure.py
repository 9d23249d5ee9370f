"""Measure the six networks and the transformer with Recoup and print the table of MODELS.md.

    python3 zoo/measure.py --recoup target/release/recoup

Top-1 of the 10,000 test images, calibrated on the 256 embedded training images.
"""

import argparse
import json
import pathlib
import subprocess

ASSETS = pathlib.Path(__file__).resolve().parent / "assets"
FAMILIES = ["vgg8", "resnet8", "resnet20", "googlenet", "shufflenet", "mobilenetv2", "vit"]
MULTIPLIERS = ["perforated:2", "truncated:7", "recursive:4"]


def idx(folder, prefix, suffix):
    """The data source of an images file and its labels file."""
    return f"idx:{folder}/{prefix}-images-idx3-ubyte{suffix},{folder}/{prefix}-labels-idx1-ubyte{suffix}"


def run(recoup, *args):
    """Recoup's JSON object for these arguments."""
    output = subprocess.run([recoup, *args, "--json"], check=True, stdout=subprocess.PIPE).stdout
    return json.loads(output)


def measure(recoup, model, data):
    macs = run(recoup, "inspect", model)["macs"]
    args = ["eval", model, "--preprocess", "fashion-mnist", "--data", idx(data, "t10k", ".gz"),
            "--calibration-data", idx(ASSETS, "fashion-calibration-256", ".gz"),
            "--control-variate", "none", "--control-variate", "fitted", "--threads", "1"]
    for multiplier in ["exact", *MULTIPLIERS]:
        args += ["--multiplier", multiplier]
    report = run(recoup, *args)
    top1 = {(r["multiplier"], r["control_variate"]): r["top1"] for r in report["results"]}
    return [report["float"]["top1"], top1["exact", "none"],
            *(top1[m, v] for m in MULTIPLIERS for v in ("none", "fitted"))], macs


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recoup", default="target/release/recoup", help="the program")
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist",
                        help="folder with the Fashion-MNIST files, gzip-compressed")
    args = parser.parse_args()

    heads = ["network", "float32", "exact 8 bits", *(f"{m}{v}" for m in MULTIPLIERS
                                                     for v in (" without V", " with V"))]
    print(f"| {' | '.join(heads)} | MMACs | bytes |")
    print("|---" * (len(heads) + 2) + "|")
    for family in FAMILIES:
        model = ASSETS / f"fashion-{family}.onnx"
        top1, macs = measure(args.recoup, model, args.data)
        cells = [f"{100 * value:.2f}" for value in top1]
        print(f"| {family} | {' | '.join(cells)} | {macs / 1e6:.2f} | {model.stat().st_size} |",
              flush=True)


if __name__ == "__main__":
    main()
