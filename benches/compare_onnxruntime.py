"""Compare recoup's images per second with ONNX Runtime's.

    pip install onnxruntime==1.32.0 onnx numpy
    python3 compare_onnxruntime.py --model resnet20.onnx --data test.bin \
        --calibration calibration.bin --recoup ../target/release/recoup

Data are files in CIFAR-10's binary format. In their place, --preset NAME takes
a network of networks.py with random weights, and random images:

    python3 compare_onnxruntime.py --preset efficientnet-b0 --recoup ../target/release/recoup

ONNX Runtime runs the float network
and the network that its own quantize_static makes, QDQ with u8 activations;
u8 weights are the rival of the targets, i8 weights are shown beside them (on
CPUs without VNNI they saturate and their results are wrong). ONNX Runtime
gets batches of 100 and of 1, and the better counts. It starts from normalised
tensors, while recoup's figure is what `recoup eval` reports. All take turns,
and medians over the rounds are compared. Without --recoup only ONNX Runtime
is measured. A missed target makes the exit code 1.
"""

import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

import networks
import numpy as np
import onnx
import onnxruntime as ort
from onnxruntime import quantization
from onnxruntime.quantization import QuantFormat, QuantType, shape_inference

MEAN = np.array([0.485, 0.456, 0.406], np.float32).reshape(1, 3, 1, 1)
STD = np.array([0.229, 0.224, 0.225], np.float32).reshape(1, 3, 1, 1)
RECORD_BYTES = 1 + 3 * 32 * 32
CALIBRATION_IMAGES = 200
PRESET_CALIBRATION_IMAGES = 16
BATCHES = [100, 1]

# AdaPT (Danopoulos et al., IEEE TCAD 2022), its CPU kernel for any 8-bit
# table, one thread, batch 100: measured on a 2-core AVX2 machine (Zen 2), by
# model file name. A faster machine flatters the ratio.
ADAPT_IMAGES_PER_S = {"resnet20": 33.7, "resnet56": 11.6}

# What is divided by what, and the least acceptable ratio.
TARGETS = [
    ("recoup exact", "onnxruntime u8u8", 1.0),
    ("recoup exact", "onnxruntime fp32", 1.0),
    ("recoup float32", "onnxruntime fp32", 0.8),
    ("recoup perforated:2", "recoup exact", 0.90),
    ("recoup recursive:4", "recoup exact", 0.45),
    ("recoup truncated:7", "recoup exact", 0.35),
    ("recoup exact, 2 threads", "recoup exact", 1.8),
    ("recoup perforated:2", "AdaPT", 20.0),
    ("recoup recursive:4", "AdaPT", 10.0),
    ("recoup truncated:7", "AdaPT", 8.0),
]
# The same for networks of networks.py, against int8 that does not saturate (on CPUs with VNNI).
PRESET_TARGETS = {
    "resnet18": [("recoup exact", "onnxruntime u8s8", 1.0)],
    "resnet50": [("recoup exact", "onnxruntime u8s8", 1.0)],
    "mobilenetv2": [("recoup exact", "onnxruntime u8s8", 0.9)],
    "efficientnet-b0": [("recoup exact", "onnxruntime u8s8", 0.8)],
    "mobilenetv3-small": [("recoup exact", "onnxruntime u8s8", 0.8)],
    "compact-transformer": [("recoup exact", "onnxruntime fp32", 1.0)],
}
MULTIPLIERS = ["exact", "perforated:2", "recursive:4", "truncated:7"]


def read_cifar10(path, count):
    """The first `count` images, normalised N x 3 x 32 x 32 f32, and labels."""
    data = np.fromfile(path, np.uint8)
    if data.size % RECORD_BYTES or data.size < count * RECORD_BYTES:
        sys.exit(f"{path}: {data.size} bytes are not {count} or more records of {RECORD_BYTES}")
    records = data.reshape(-1, RECORD_BYTES)[:count]
    images = records[:, 1:].reshape(-1, 3, 32, 32).astype(np.float32) / 255
    return (images - MEAN) / STD, records[:, 0]


class Data:
    """Images for both sides."""

    def __init__(self, args, folder):
        if args.preset:
            pixels, labels = networks.images(args.preset, PRESET_CALIBRATION_IMAGES + args.images, 7)
            split = PRESET_CALIBRATION_IMAGES
            self.calibration, self.images = pixels[:split], pixels[split:]
            self.labels = labels[split:]
            paths = [folder / "images.npz", folder / "calibration.npz"]
            np.savez(paths[0], x=self.images, y=self.labels)
            np.savez(paths[1], x=self.calibration, y=labels[:split])
            self.recoup_args = ["--data", f"npz:{paths[0]}", "--calibration-data", f"npz:{paths[1]}"]
        else:
            self.images, self.labels = read_cifar10(args.data, args.images)
            self.calibration, _ = read_cifar10(args.calibration, CALIBRATION_IMAGES)
            self.recoup_args = ["--data", f"cifar10:{args.data}", "--preprocess", "cifar10"]


class Reader(quantization.CalibrationDataReader):
    def __init__(self, name, images):
        self.inputs = iter([{name: image[None]} for image in images])

    def get_next(self):
        return next(self.inputs, None)


def quantize(model, images, weight_type, folder):
    """Path of the QDQ model, per tensor for u8 and per channel for i8 weights."""
    prepared = folder / "prepared.onnx"
    quantized = folder / f"{weight_type.name}.onnx"
    # Folds BatchNorm, as ONNX Runtime's guide asks for.
    shape_inference.quant_pre_process(str(model), str(prepared), skip_symbolic_shape=True)
    name = onnx.load(prepared).graph.input[0].name
    quantization.quantize_static(
        str(prepared), str(quantized), Reader(name, images), quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8, weight_type=weight_type,
        per_channel=weight_type == QuantType.QInt8)
    return quantized


class OnnxRuntime:
    """One model at one thread count, with every optimisation."""

    def __init__(self, path, threads, images, labels):
        options = ort.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        self.session = ort.InferenceSession(str(path), options,
                                            providers=["CPUExecutionProvider"])
        self.name = self.session.get_inputs()[0].name
        self.images, self.labels = images, labels
        self.samples = {batch: [] for batch in BATCHES}
        self.run(100)  # warms up

    def run(self, batch):
        return np.concatenate([
            self.session.run(None, {self.name: self.images[i:i + batch]})[0].argmax(1)
            for i in range(0, len(self.images), batch)])

    def measure(self):
        for batch, samples in self.samples.items():
            start = time.perf_counter()
            top1 = self.run(batch)
            samples.append(len(top1) / (time.perf_counter() - start))
        self.top1 = float((top1 == self.labels).mean())

    def images_per_s(self):
        return max(statistics.median(samples) for samples in self.samples.values())

    def note(self):
        batch = max(BATCHES, key=lambda batch: statistics.median(self.samples[batch]))
        return f"batch {batch}, top-1 {self.top1:.4f}"


class Recoup:
    """`recoup eval` with one multiplier at one thread count."""

    def __init__(self, args, data, multiplier, threads):
        self.command = [
            str(args.recoup), "eval", str(args.model), *data.recoup_args,
            "--images", str(args.images),
            "--threads", str(threads), "--multiplier", multiplier, "--json", *args.recoup_args]
        self.multiplier = multiplier
        self.samples = []

    def measure(self):
        done = subprocess.run(self.command, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{' '.join(self.command)}\n{done.stderr}")
        document = json.loads(done.stdout)
        self.float = document["float"]
        found = [r for r in document["results"]
                 if r["multiplier"] == self.multiplier]
        if not found:
            sys.exit(f"no result for {self.multiplier} from {' '.join(self.command)}")
        # With several, the one that has a control variate comes last.
        self.result = found[-1]
        self.samples.append(self.result["images_per_s"])

    def images_per_s(self):
        return statistics.median(self.samples)

    def note(self):
        return (f"{self.result['kernel']}, control variate {self.result['control_variate']}, "
                f"top-1 {self.result['top1']}")


class RecoupFloat:
    """The float32 reference, which runs beside another entry."""

    def __init__(self, beside):
        self.beside = beside
        self.samples = []

    def measure(self):
        self.samples.append(self.beside.float["images_per_s"])

    def images_per_s(self):
        return statistics.median(self.samples)

    def note(self):
        return f"top-1 {self.beside.float['top1']}"


def output_of(*command):
    """First line that a command prints, or "unknown"."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True,
                              cwd=pathlib.Path(__file__).parent)
        return done.stdout.strip().splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "unknown"


def cpu():
    """Model name and the vector extensions that decide which kernels run."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    flags = fields.get("flags", "").split()
    wanted = [flag for flag in ["avx2", "avx_vnni", "avx512f", "avx512_vnni"] if flag in flags]
    return f"{fields.get('model name', platform.machine())} ({', '.join(wanted)})"


def circumstances(args):
    record = {
        "cpu": cpu(), "cores": os.cpu_count(), "load_average_1_min": os.getloadavg()[0],
        "commit": output_of("git", "describe", "--always", "--dirty"),
        "python": platform.python_version(), "onnxruntime": ort.__version__,
        "numpy": np.__version__, "model": args.preset or args.model.name, "images": args.images,
        "rounds": args.rounds, "command": " ".join(sys.argv),
    }
    if args.recoup:
        record["recoup"] = output_of(str(args.recoup), "--version")
    return record


def contestants(args, folder):
    if args.preset:
        args.model = networks.make(args.preset, folder)
    data = Data(args, folder)
    models = {"fp32": args.model,
              "u8u8": quantize(args.model, data.calibration, QuantType.QUInt8, folder),
              "u8s8": quantize(args.model, data.calibration, QuantType.QInt8, folder)}
    entries = {}
    for threads, suffix in [(1, ""), (2, ", 2 threads")]:
        for name, path in models.items():
            entry = OnnxRuntime(path, threads, data.images, data.labels)
            entries[f"onnxruntime {name}{suffix}"] = entry
    if args.recoup:
        for multiplier in MULTIPLIERS:
            entries[f"recoup {multiplier}"] = Recoup(args, data, multiplier, 1)
        entries["recoup float32"] = RecoupFloat(entries["recoup exact"])
        entries["recoup exact, 2 threads"] = Recoup(args, data, "exact", 2)
    return entries


def compare(speeds, targets):
    """Rows of ratio, least acceptable ratio, and names, where both are known."""
    return [{"name": above, "rival": below, "ratio": speeds[above] / speeds[below],
             "target": target}
            for above, below, target in targets if above in speeds and below in speeds]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", choices=networks.NETWORKS,
                        help="a network of networks.py, in place of the next three")
    parser.add_argument("--model", type=pathlib.Path, help="float ONNX file")
    parser.add_argument("--data", type=pathlib.Path, help="test images")
    parser.add_argument("--calibration", type=pathlib.Path,
                        help=f"training images; the first {CALIBRATION_IMAGES} calibrate "
                             "ONNX Runtime's int8 models")
    parser.add_argument("--images", type=int, help="1000, of a preset 48")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--recoup", type=lambda path: pathlib.Path(path).resolve(),
                        help="the release binary")
    parser.add_argument("--output", type=pathlib.Path, help="JSON file for the record")
    parser.add_argument("recoup_args", nargs="*", metavar="-- ARGS",
                        help="more arguments for `recoup eval`, after --")
    args = parser.parse_args()
    if not args.preset and None in (args.model, args.data, args.calibration):
        parser.error("needs --preset, or --model, --data and --calibration")
    args.images = args.images or (48 if args.preset else 1000)

    record = circumstances(args)
    for key, value in record.items():
        print(f"{key}: {value}")
    with tempfile.TemporaryDirectory() as folder:
        entries = contestants(args, pathlib.Path(folder))
        for turn in range(args.rounds):
            for entry in entries.values():
                entry.measure()
            print(f"round {turn + 1} of {args.rounds}", file=sys.stderr)

    print(f"\n{'':32} images/s")
    for name, entry in entries.items():
        print(f"{name:32} {entry.images_per_s():8.1f}   {entry.note()}")
    speeds = {name: entry.images_per_s() for name, entry in entries.items()}
    if args.model.stem in ADAPT_IMAGES_PER_S:
        speeds["AdaPT"] = ADAPT_IMAGES_PER_S[args.model.stem]
        print(f"{'AdaPT':32} {speeds['AdaPT']:8.1f}   measured on a 2-core Zen 2, one thread")

    ratios = compare(speeds, PRESET_TARGETS.get(args.preset, TARGETS))
    if ratios:
        print(f"\n{'':52} ratio  target")
    for row in ratios:
        verdict = "met" if row["ratio"] >= row["target"] else "MISSED"
        print(f"{row['name'] + ' / ' + row['rival']:50} {row['ratio']:7.2f} {row['target']:7.2f}"
              f"  {verdict}")
    if args.output:
        samples = {name: entry.samples for name, entry in entries.items()}
        args.output.write_text(json.dumps(
            {**record, "images_per_s": speeds, "samples": samples, "ratios": ratios},
            indent=1) + "\n")
    sys.exit(any(row["ratio"] < row["target"] for row in ratios))


if __name__ == "__main__":
    main()
