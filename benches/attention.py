"""What correcting the products of two activations gives a transformer, in points lost; and its rivals.

    python3 benches/attention.py zoo/assets/fashion-vit.onnx -- \\
        --data idx:zoo/assets/fashion-test-2000-images-idx3-ubyte.gz,zoo/assets/fashion-test-2000-labels-idx1-ubyte.gz \\
        --calibration-data idx:zoo/assets/fashion-calibration-256-images-idx3-ubyte.gz --preprocess fashion-mnist

All layers are on the multiplier, with V; a column for each way to correct attention's products, or to run
them elsewhere. Reduced precision is exact products of fewer bits, in attention, too. What stands behind `--`
goes to `recoup eval`. Prints the loss against exact products of 8-bit codes, those of attention included,
with its 95 % interval; then array power and energy of an inference with attention on the array of all, and
on an exact one beside it. With `--speed 5` it prints images/s instead, medians of five interleaved runs with
attention in float32 and on the multipliers.
"""

import argparse
import json
import shlex
import statistics
import subprocess
import sys

LOADED, BESIDE = "made when loaded", "exact, on a 16 x 16 array"
WAYS = {
    "in float": ["--attention", "float"],
    BESIDE: ["--attention", "exact"],
    "no V": ["--attention-constants", "none"],
    "C0 alone": ["--attention-constants", "constant"],
    "one C, C0 for a layer": ["--attention-constants", "layer"],
    LOADED: [],
}
# Bits of activations and of weights. Of what is loaded in attention, both round.
NARROW = [(6, 8), (5, 8), (6, 6), (6, 4), (5, 4), (4, 4)]


def evaluated(options, more):
    """The rows of `recoup eval` by design."""
    command = [options.recoup, "eval", options.model, "--json", *options.rest, *more]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{shlex.join(command)}:\n{done.stderr}")
    rows = json.loads(done.stdout)["results"]
    return {(it["multiplier"], it["activation_bits"], it["weight_bits"]): it for it in rows}


def of_way(options, way):
    """The row of each design with attention as `way` has it."""
    rows = evaluated(options, [*way, "--multiplier", "exact", *options.multiplier])
    if way and "--attention" not in way:
        return rows
    for activations, weights in NARROW:
        bits = ["--activation-bits", str(activations), "--weight-bits", str(weights)]
        rows |= evaluated(options, [*way, *bits, "--multiplier", "exact"])
    return rows


def cell(row, reference):
    """Points below the reference, whose products of two activations run like the others."""
    if row is None:
        return ""
    loss = 100 * (reference["top1"] - row["top1"])
    low, high = (row["loss_vs_exact"] - it for it in row["ci95"])
    return f"{loss:.2f} [{loss - abs(low):.2f}, {loss + abs(high):.2f}]"


def name(design):
    multiplier, activations, weights = design
    narrow = [f"{bits} {of} bits" for bits, of in ((activations, "activation"), (weights, "weight")) if bits < 8]
    return ", ".join([multiplier, *narrow])


def speed(options):
    """Images/s with attention in float32 and on the multipliers, and the share."""
    more = ["--threads", "1", "--multiplier", "exact", *options.multiplier]
    samples = {}
    for _ in range(options.speed):
        for where in ("float", "emulated"):
            for design, row in evaluated(options, [*more, "--attention", where]).items():
                samples.setdefault(design, {}).setdefault(where, []).append(row["images_per_s"])
    print("| design | in float32 | on the multipliers | share |\n|---|---|---|---|")
    for design, of in samples.items():
        real, emulated = (statistics.median(of[where]) for where in ("float", "emulated"))
        print(f"| {name(design)} | {real:.0f} | {emulated:.0f} | {emulated / real:.2f} |")


def main(options):
    found = {name: of_way(options, way) for name, way in WAYS.items()}
    exact = ("exact", 8, 8)
    reference = found[LOADED][exact]
    print(f"exact products of 8-bit codes: {100 * reference['top1']:.2f} %\n")
    print("| design | " + " | ".join(WAYS) + " |\n|" + "---|" * (len(WAYS) + 1))
    designs = [it for it in found[LOADED] if it != exact]
    for design in designs:
        cells = [cell(rows.get(design), reference) for rows in found.values()]
        print(f"| {name(design)} | " + " | ".join(cells) + " |")
    print("\n| design | array power | energy | nJ | array power with the second | energy | nJ |")
    print("|" + "---|" * 7)
    for design in [exact, *designs]:
        cells = []
        for row in (found[LOADED][design], found[BESIDE][design]):
            cells += [f"{row['array_power']:.3f}", f"{row['relative_energy']:.3f}", f"{row['energy_nj']:.0f}"]
        print(f"| {name(design)} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("model")
    parser.add_argument("--multiplier", nargs="+", metavar="SPEC", default=[
        "truncated:6", "truncated:7", "truncated:8", "truncated:9",
        "perforated:1", "perforated:2", "perforated:3", "recursive:5"])
    parser.add_argument("--speed", type=int, metavar="ROUNDS", help="images/s instead of losses")
    parser.add_argument("--recoup", default="target/release/recoup")
    given = parser.parse_args(arguments[:cut])
    given.rest = arguments[cut + 1 :]
    (speed if given.speed else main)(given)
