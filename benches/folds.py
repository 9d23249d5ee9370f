"""How far losses on a few hundred images depend on which images calibrate.

    python3 -m venv v && v/bin/pip install numpy
    v/bin/python benches/folds.py mobilenetv2.onnx --data calibration.npz test.npz \\
        --multiplier truncated:7 perforated:2 -- --preprocess none,scale=1,layout=nhwc

All images of the files (NumPy archives of `x` and `y`) are put together. The first fold calibrates on
the first file's images, each other one on as many drawn with a fixed seed; all of them are evaluated
on 250 of the rest (`--images`). What stands behind `--` goes to `recoup eval`, and so does `--variant`,
given once for each way of doing it that is to be compared. Prints the loss against exact products, in
points, fold by fold, and the mean. The folds share most of their images for evaluation: their spread
is that of the calibration, and less than that of 250 images.
"""

import argparse
import json
import shlex
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np


def losses(options, folder, variant):
    """Loss of each multiplier with one set of calibration images, in points."""
    command = [options.recoup, "eval", options.model, "--json", "--images", str(options.images)]
    command += ["--data", f"npz:{folder}/test.npz", "--calibration-data", f"npz:{folder}/calibration.npz"]
    command += ["--multiplier", "exact", *options.multiplier, *options.rest, *shlex.split(variant)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{shlex.join(command)}:\n{done.stderr}")
    found = {it["multiplier"]: it["loss_vs_exact"] for it in json.loads(done.stdout)["results"]}
    return [found[it] for it in options.multiplier]


def main(options):
    files = [np.load(it) for it in options.data]
    x, y = (np.concatenate([it[name] for it in files]) for name in "xy")
    count = len(files[0]["x"])
    drawn = np.random.default_rng(5).permutation(len(x))
    sets = [np.arange(count)] + [drawn[count * i : count * (i + 1)] for i in range(options.folds - 1)]
    if any(len(it) < count for it in sets) or len(x) < count + options.images:
        sys.exit(f"{len(x)} images are too few for {options.folds} folds of {count} and {options.images} more")
    found = {it: [] for it in options.variant}
    for chosen in sets:
        others = np.setdiff1d(np.arange(len(x)), chosen)
        with tempfile.TemporaryDirectory() as folder:
            np.savez(Path(folder, "calibration.npz"), x=x[chosen], y=y[chosen])
            np.savez(Path(folder, "test.npz"), x=x[others], y=y[others])
            for variant in options.variant:
                found[variant].append(losses(options, folder, variant))
    print("| multiplier | options | by fold | mean |\n|---|---|---|---|")
    for multiplier, *columns in zip(options.multiplier, *(zip(*it) for it in found.values())):
        for variant, values in zip(options.variant, columns):
            each = ", ".join(f"{it:.1f}" for it in values)
            print(f"| {multiplier} | {variant or 'default'} | {each} | {statistics.mean(values):.2f} |")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("model")
    parser.add_argument("--data", nargs="+", required=True, metavar="NPZ")
    parser.add_argument("--multiplier", nargs="+", required=True)
    parser.add_argument("--variant", action="append", metavar="OPTIONS", help="options of `recoup eval`")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--images", type=int, default=250)
    parser.add_argument("--recoup", default="target/release/recoup")
    options = parser.parse_args(arguments[:cut])
    options.variant = options.variant or [""]
    options.rest = arguments[cut + 1 :]
    main(options)
