"""Train one network of the zoo and export it to ONNX.

    python3 train.py --family resnet20 --out ../zoo/assets/fashion-resnet20.onnx
    python3 train.py --family resnet20 --dataset cifar10 --cifar-dir DIR --out F.onnx

Needs PyTorch 1.13 or later and numpy. The test images are read once, after
the last epoch: nothing is selected on them.
"""

import argparse
import pathlib
import time

import torch
from torch import nn
from torch.nn import functional as F

import data
from networks import FAMILIES

EPOCHS = {"vgg8": 16, "resnet8": 16, "resnet20": 16, "shufflenet": 10,
          "vit": 20}  # 8 for the others
PEAK_RATE = {"vit": 2e-3}  # of AdamW; 0.2 of SGD for the others


def keep_channels_last(model):
    """Hold activations and their gradients in channels-last order while training.

    A shuffle or a concatenation changes the order on the way back, and BatchNorm
    and ReLU are several times slower where orders meet. Values do not change.
    """
    def ordered(tensor):
        return tensor.contiguous(memory_format=torch.channels_last)

    def after(_module, _inputs, output):
        if output.requires_grad and output.ndim == 4:
            output.register_hook(ordered)

    hooks = []
    for module in model.to(memory_format=torch.channels_last).modules():
        if isinstance(module, nn.Conv2d):
            hooks.append(module.register_forward_pre_hook(
                lambda _module, inputs: ordered(inputs[0])))
        if isinstance(module, (nn.BatchNorm2d, nn.ReLU)):
            hooks.append(module.register_forward_hook(after))
    return hooks


def make_optimizer(family, model, peak_rate):
    """SGD; for the transformer AdamW, as its layers' gradients differ too much for one rate."""
    # Weight decay is for the filters; on scales and biases it only biases.
    decayed = [p for p in model.parameters() if p.ndim > 1]
    other = [p for p in model.parameters() if p.ndim == 1]
    if family == "vit":
        return torch.optim.AdamW([{"params": decayed, "weight_decay": 0.05},
                                  {"params": other, "weight_decay": 0}], lr=peak_rate)
    return torch.optim.SGD([{"params": decayed, "weight_decay": 5e-4}, {"params": other}],
                           lr=peak_rate, momentum=0.9, nesterov=True)


def train(model, optimizer, dataset, epochs, batch, peak_rate, bf16):
    images, labels = dataset.train
    steps = epochs * (len(images) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, peak_rate, total_steps=steps, pct_start=0.2, final_div_factor=1e3)
    hooks = keep_channels_last(model)
    for epoch in range(epochs):
        start, total_loss = time.process_time(), 0.0
        model.train()
        order = torch.randperm(len(images))
        for i in range(len(images) // batch):
            pick = order[i * batch:(i + 1) * batch]
            inputs = dataset.normalise(dataset.augment(images[pick]))
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
                logits = model(inputs)
            loss = F.cross_entropy(logits.float(), labels[pick])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total_loss += loss.item()
        print(f"epoch {epoch + 1}/{epochs}: loss {total_loss / (i + 1):.4f}, "
              f"{time.process_time() - start:.0f} s of processor time", flush=True)
    for hook in hooks:
        hook.remove()


def correct(model, dataset):
    """How many test images the model classifies correctly."""
    images, labels = dataset.test
    model.eval()
    with torch.no_grad():
        found = [model(dataset.normalise(part)).argmax(1) for part in images.split(500)]
    return int((torch.cat(found) == labels).sum())


def export(family, model, dataset, path):
    """Write ONNX, opset 13, with the BatchNormalization nodes kept.

    The transformer takes opset 17, the first with LayerNormalization, and folding,
    which stores the weights of its layers on tokens as MatMul reads them; PyTorch warns
    of folding, for the sake of those who would train on.
    """
    transformer = family == "vit"
    model.eval().to(memory_format=torch.contiguous_format)
    torch.onnx.export(
        model, torch.zeros(1, dataset.channels, dataset.side, dataset.side), path,
        # PRESERVE, as EVAL would fold BatchNorm into the convolutions.
        opset_version=17 if transformer else 13, training=torch.onnx.TrainingMode.PRESERVE,
        do_constant_folding=transformer,
        input_names=["input"], output_names=["logits"],
        dynamic_axes={"input": {0: "batch"}, "logits": {0: "batch"}})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--family", choices=FAMILIES, required=True)
    parser.add_argument("--dataset", choices=["fashion-mnist", "cifar10"], default="fashion-mnist")
    parser.add_argument("--fashion-dir", type=pathlib.Path,
                        default="/usr/share/datasets/fashion-mnist",
                        help="folder with the four Fashion-MNIST files, gzip-compressed")
    parser.add_argument("--cifar-dir", type=pathlib.Path, default=".",
                        help="folder with data_batch_*.bin and test_batch.bin")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="ONNX file to write")
    parser.add_argument("--epochs", type=int, help="default: by family, 8 to 20")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--peak-rate", type=float,
                        help="largest learning rate (default: 0.2, vit 0.002)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", choices=["bf16", "float32"], default="bf16",
                        help="of the products in training; bf16 is slow on processors without it")
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    folder = args.cifar_dir if args.dataset == "cifar10" else args.fashion_dir
    dataset = data.load(args.dataset, folder)
    model = FAMILIES[args.family](dataset.channels, dataset.side)
    print(f"{args.family}: {sum(p.numel() for p in model.parameters())} parameters, "
          f"PyTorch {torch.__version__}", flush=True)
    peak_rate = args.peak_rate or PEAK_RATE.get(args.family, 0.2)
    train(model, make_optimizer(args.family, model, peak_rate), dataset,
          args.epochs or EPOCHS.get(args.family, 8), args.batch, peak_rate,
          args.precision == "bf16")
    print(f"test accuracy {correct(model, dataset)} of {len(dataset.test[1])}")
    export(args.family, model, dataset, str(args.out))


if __name__ == "__main__":
    main()
