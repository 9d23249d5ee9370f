"""Write the Fashion-MNIST images that the command embeds.

    python3 make_assets.py --data /usr/share/datasets/fashion-mnist --output ../zoo/assets

The first 2,000 test images in file order, the other 8,000 in files of their
own, and 256 training images for calibration: 25 or 26 of each class, drawn
with a fixed seed.
Needs numpy. The same data gives the same arrays, whatever the machine.
"""

import argparse
import pathlib
import random

import numpy as np

import idx

TEST_IMAGES = 2000
CALIBRATION_IMAGES = 256
SEED = 1


def balanced(labels, count, seed):
    """`count` indices in shuffled order, equally many of each class up to one."""
    # random.Random and not numpy: its sequence is the same in every version.
    rng = random.Random(seed)
    classes = sorted(set(labels.tolist()))
    picked = []
    for rank, label in enumerate(classes):
        share = count // len(classes) + (rank < count % len(classes))
        picked += rng.sample(np.flatnonzero(labels == label).tolist(), share)
    rng.shuffle(picked)
    return picked


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, required=True,
                        help="folder with the four Fashion-MNIST files, gzip-compressed")
    parser.add_argument("--output", type=pathlib.Path, required=True, help="folder to write to")
    args = parser.parse_args()

    for prefix, name, choose in [
            ("t10k", "test", lambda labels: range(TEST_IMAGES)),
            ("t10k", "confirmation", lambda labels: range(TEST_IMAGES, len(labels))),
            ("train", "calibration", lambda labels: balanced(labels, CALIBRATION_IMAGES, SEED))]:
        images = idx.read(args.data / f"{prefix}-images-idx3-ubyte.gz")
        labels = idx.read(args.data / f"{prefix}-labels-idx1-ubyte.gz")
        pick = list(choose(labels))
        stem = f"fashion-{name}-{len(pick)}"
        idx.write(args.output / f"{stem}-images-idx3-ubyte.gz", images[pick])
        idx.write(args.output / f"{stem}-labels-idx1-ubyte.gz", labels[pick])


if __name__ == "__main__":
    main()
