"""Measure emulated PyTorch modules: their speed, and what fine-tuning gains over V alone.

    pip install ./python torch onnx onnxscript
    python3 benches/pytorch.py speed
    python3 benches/pytorch.py train --network resnet20

`speed`: images per second of a ResNet-20 for 32 x 32 images (random weights, 41 million products per
image), one thread unless --threads says otherwise, in turns with the command line on the same file and
images; medians over the rounds. any.npy is a table that no kernel has a short form for. Targets: half
of the command line's, and for all but that table 20 times 33.7 images/s, what AdaPT's kernel was
measured at with one thread on another machine.

`train`: one epoch on 5,000 images that the embedded network was not trained on and is not evaluated
on; then the 2,000 embedded test images. The network itself learns from the new images, too: the row
"exact" says how much. Losses are in points against exact products of 8-bit codes, before any training,
with paired 95 % confidence intervals.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import recoup
import recoup.torch
import torch
from torch.nn.functional import cross_entropy

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "zoo"))
import idx  # noqa: E402
import networks  # noqa: E402

MEAN, DEVIATION = 0.2860, 0.3530
"""Of Fashion-MNIST, as the networks were trained."""
SPEED = ("exact", "perforated:2", "truncated:7", "any.npy")
TRAINED = ("truncated:9", "perforated:3", "recursive:5")
IMAGES, BATCH = 5000, 50


def pictures(name, first=None):
    """Images and labels of the zoo."""
    assets = ROOT / "zoo" / "assets"
    x = idx.read(assets / f"fashion-{name}-images-idx3-ubyte.gz")
    y = idx.read(assets / f"fashion-{name}-labels-idx1-ubyte.gz")
    x = (torch.from_numpy(x[:first].astype(np.float32))[:, None] / 255 - MEAN) / DEVIATION
    return x, torch.from_numpy(y[:first].astype(np.int64))


def embedded(name):
    """A network of the zoo with its weights."""
    module = networks.FAMILIES[name](1, 28)
    content = onnx.load(ROOT / "zoo" / "assets" / f"fashion-{name}.onnx").graph
    known = {it.name: torch.from_numpy(onnx.numpy_helper.to_array(it).copy()) for it in content.initializer}
    # An exporter writes equal tensors once.
    known |= {it.output[0]: known[it.input[0]] for it in content.node if it.op_type == "Identity"}
    state = {name: known.get(name, values) for name, values in module.state_dict().items()}
    assert sum(name in known for name in state) > len(state) * 3 // 4
    module.load_state_dict(state)
    return module.eval()


def any_table(path):
    """Products that no kernel has a short form for."""
    codes = np.arange(256)
    errors = np.random.default_rng(0).integers(0, 64, (256, 256))
    np.save(path, (np.outer(codes, codes) - errors).clip(0).astype(np.int32))


def speed(options):
    torch.manual_seed(0)
    torch.set_num_threads(options.threads)
    module = networks.ResNet(3, blocks=3, strides=(1, 2, 2)).eval()
    x = torch.randn(512, 3, 32, 32)
    command = shutil.which("recoup", path=str(Path(sys.executable).parent)) or "recoup"
    missed = False
    print("| | command line | module | ratio | of AdaPT's 33.7 | with gradients, forward | and backward |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        any_table(f"{folder}/any.npy")
        for name in SPEED:
            multiplier = f"{folder}/{name}" if name.endswith(".npy") else name
            em = recoup.torch.emulate(module, x[:64], multiplier)
            path, data = f"{folder}/net.onnx", f"{folder}/x.npz"
            em.export(path)
            np.savez(data, x=x.numpy())
            rates = {what: [] for what in ("command", "module", "forward", "backward")}
            for _ in range(options.rounds):
                mode = "none" if multiplier == "exact" else "fitted"
                asked = [path, "--data", f"npz:{data}", "--threads", str(options.threads)]
                asked += ["--multiplier", multiplier, "--control-variate", mode]
                asked += ["--calibration-images", "64", "--json"]
                done = subprocess.run([command, "eval", *asked], stdout=subprocess.PIPE, check=True)
                rows = json.loads(done.stdout)["results"]
                rates["command"].append(rows[-1]["images_per_s"])
                with torch.no_grad():
                    rates["module"].append(rate(lambda: em(x), len(x)))
                some = x[:100]
                rates["forward"].append(rate(lambda: em(some), len(some)))
                rates["backward"].append(rate(lambda: em(some).sum().backward(), len(some)))
            median = {what: statistics.median(values) for what, values in rates.items()}
            ratio, times = median["module"] / median["command"], median["module"] / 33.7
            missed |= ratio < 0.5 or (times < 20 and not name.endswith(".npy"))
            print(
                f"| {name} | {median['command']:.0f} | {median['module']:.0f} | {ratio:.2f} "
                f"| {times:.0f} x | {median['forward']:.0f} | {median['backward']:.0f} |"
            )
    print(f"{platform.machine()}, {options.threads} threads, load {os.getloadavg()[0]:.1f}")
    return 1 if missed else 0


def rate(work, images):
    start = time.perf_counter()
    work()
    return images / (time.perf_counter() - start)


def epoch(em, x, y, seed=1):
    """SGD with momentum, the rate from 0.002 down to 0 in a line; seconds of processor time."""
    start = time.process_time()
    optimizer = torch.optim.SGD(em.parameters(), 0.002, momentum=0.9)
    steps = len(x) // BATCH
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    for batch in order.split(BATCH):
        optimizer.zero_grad()
        cross_entropy(em(x[batch]), y[batch]).backward()
        optimizer.step()
        schedule.step()
    return time.process_time() - start


def right(em, x, y):
    with torch.no_grad():
        return (em(x).argmax(1) == y).numpy()


def loss(reference, found):
    """In points, with a paired bootstrap interval."""
    differences = 100.0 * (reference.astype(float) - found)
    drawn = np.random.default_rng(1).integers(0, len(found), (2000, len(found)))
    low, high = np.quantile(differences[drawn].mean(1), (0.025, 0.975))
    return f"{differences.mean():.2f} [{low:.2f}, {high:.2f}]"


def train(options):
    torch.set_num_threads(options.threads)
    module = embedded(options.network)
    calibration, _ = pictures("calibration-256")
    x, y = pictures("confirmation-8000", IMAGES)
    test, labels = pictures("test-2000")
    exact = right(recoup.torch.emulate(module, calibration, "exact"), test, labels)
    print(f"exact products: {100 * exact.mean():.2f} % of {len(test)} test images")
    print("| multiplier | as it is | with V | fine-tuned | V, fine-tuned | an epoch, CPU s |")
    print("|---|---|---|---|---|---|")
    for multiplier in ("exact", *TRAINED):
        losses, seconds = [], []
        for mode in ("none",) if multiplier == "exact" else ("none", "fitted"):
            em = recoup.torch.emulate(module, calibration, multiplier, mode)
            losses.append(loss(exact, right(em, test, labels)))
            seconds.append(epoch(em, x, y))
            losses.append(loss(exact, right(em, test, labels)))
        first, tuned, with_v, both = losses if len(losses) == 4 else (*losses, "", "")
        took = f"{statistics.mean(seconds):.0f}"
        print(f"| {multiplier} | {first} | {with_v} | {tuned} | {both} | {took} |", flush=True)
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("what", choices=("speed", "train"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--network", default="resnet20", choices=tuple(networks.FAMILIES))
    options = parser.parse_args()
    sys.exit({"speed": speed, "train": train}[options.what](options))
