"""What correcting the products of two activations gives a transformer, in points lost.

    python3 benches/attention.py zoo/assets/fashion-vit.onnx -- \\
        --data idx:zoo/assets/fashion-test-2000-images-idx3-ubyte.gz,zoo/assets/fashion-test-2000-labels-idx1-ubyte.gz \\
        --calibration-data idx:zoo/assets/fashion-calibration-256-images-idx3-ubyte.gz --preprocess fashion-mnist

All layers are on the multiplier, with V; a column for each way to correct attention's products. What
stands behind `--` goes to `recoup eval`. Prints the loss against exact products of 8-bit codes, those of
attention included, with its 95 % interval.
"""

import argparse
import json
import shlex
import subprocess
import sys

WAYS = {
    "in float": ["--attention", "float"],
    "no V": ["--attention-constants", "none"],
    "C0 alone": ["--attention-constants", "constant"],
    "one C, C0 for a layer": ["--attention-constants", "layer"],
    "made when loaded": [],
}


def evaluated(options, way):
    """The row of each multiplier."""
    command = [options.recoup, "eval", options.model, "--json", *options.rest, *way]
    command += ["--multiplier", "exact", *options.multiplier]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{shlex.join(command)}:\n{done.stderr}")
    return {it["multiplier"]: it for it in json.loads(done.stdout)["results"]}


def cell(row, reference):
    """Points below the reference, whose products of two activations run like the others."""
    loss = 100 * (reference["top1"] - row["top1"])
    low, high = (row["loss_vs_exact"] - it for it in row["ci95"])
    return f"{loss:.2f} [{loss - abs(low):.2f}, {loss + abs(high):.2f}]"


def main(options):
    found = {name: evaluated(options, way) for name, way in WAYS.items()}
    reference = found["made when loaded"]["exact"]
    print(f"exact products of 8-bit codes: {100 * reference['top1']:.2f} %\n")
    print("| multiplier | " + " | ".join(WAYS) + " |\n|" + "---|" * (len(WAYS) + 1))
    for multiplier in options.multiplier:
        cells = [cell(rows[multiplier], reference) for rows in found.values()]
        print(f"| {multiplier} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("model")
    parser.add_argument("--multiplier", nargs="+", metavar="SPEC", default=[
        "truncated:6", "truncated:7", "truncated:8", "truncated:9",
        "perforated:1", "perforated:2", "perforated:3", "recursive:5"])
    parser.add_argument("--recoup", default="target/release/recoup")
    given = parser.parse_args(arguments[:cut])
    given.rest = arguments[cut + 1 :]
    main(given)
