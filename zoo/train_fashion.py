"""Train the residual network that the command embeds and export it to ONNX.

    python3 train_fashion.py --data /usr/share/datasets/fashion-mnist \
        --output ../cli/assets/fashion-resnet8.onnx

Needs PyTorch 1.13 or later and numpy. The test images are read once, after
the last epoch: nothing is selected on them.
"""

import argparse
import pathlib
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import idx

MEAN, STD = 0.2860, 0.3530  # of the training pixels / 255


class Block(nn.Module):
    """Two 3x3 convolutions and a shortcut, 1x1 where the shape changes."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False),
                nn.BatchNorm2d(outputs),
            )

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class ResNet8(nn.Module):
    """N x 1 x 28 x 28 normalised pixels to N x 10 logits, 6.7 MMAC an image."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 16, 3, 1, 1, bias=False)
        self.bn = nn.BatchNorm2d(16)
        self.block1 = Block(16, 16, stride=2)  # 14 x 14
        self.block2 = Block(16, 32, stride=1)
        self.block3 = Block(32, 64, stride=2)  # 7 x 7
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        x = F.relu(self.bn(self.conv(x)))
        x = self.block3(self.block2(self.block1(x)))
        return self.fc(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1))


def load(folder, prefix):
    """Images N x 1 x 28 x 28, normalised, and labels N."""
    images = idx.read(folder / f"{prefix}-images-idx3-ubyte.gz").astype(np.float32)
    labels = idx.read(folder / f"{prefix}-labels-idx1-ubyte.gz").astype(np.int64)
    images = (images / 255 - MEAN) / STD
    return torch.from_numpy(images).unsqueeze(1), torch.from_numpy(labels)


def augment(images):
    """Flip each image with probability 1/2 and shift it by up to 2 pixels."""
    count, _, height, width = images.shape
    # The border is black, which is not 0 after normalisation.
    padded = F.pad(images, (2, 2, 2, 2), value=-MEAN / STD)
    top = torch.randint(0, 5, (count, 1))
    left = torch.randint(0, 5, (count, 1))
    rows = top + torch.arange(height)
    columns = left + torch.arange(width)
    flip = torch.rand(count, 1) < 0.5
    columns = torch.where(flip, columns.flip(1), columns)
    item = torch.arange(count)[:, None, None]
    return padded[item, 0, rows[:, :, None], columns[:, None, :]].unsqueeze(1)


def correct(model, images, labels):
    """How many images the model classifies correctly."""
    model.eval()
    with torch.no_grad():
        found = [model(part).argmax(1) for part in images.split(1000)]
    return int((torch.cat(found) == labels).sum())


def train(model, images, labels, epochs, batch, peak_rate):
    steps = epochs * (len(images) // batch)
    # Weight decay is for the filters; on scales and biases it only biases.
    decayed = [p for p in model.parameters() if p.ndim > 1]
    other = [p for p in model.parameters() if p.ndim == 1]
    optimizer = torch.optim.SGD(
        [{"params": decayed, "weight_decay": 5e-4}, {"params": other}],
        lr=peak_rate, momentum=0.9, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, peak_rate, total_steps=steps, pct_start=0.2, final_div_factor=1e3)
    for epoch in range(epochs):
        start, total_loss = time.time(), 0.0
        model.train()
        order = torch.randperm(len(images))
        for i in range(len(images) // batch):
            pick = order[i * batch:(i + 1) * batch]
            loss = F.cross_entropy(model(augment(images[pick])), labels[pick])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total_loss += loss.item()
        print(f"epoch {epoch + 1}/{epochs}: loss {total_loss / (i + 1):.4f}, "
              f"{time.time() - start:.0f} s", flush=True)


def export(model, path):
    """Write ONNX, opset 13, with the BatchNormalization nodes kept."""
    model.eval()
    torch.onnx.export(
        model, torch.zeros(1, 1, 28, 28), path, opset_version=13,
        # PRESERVE, as EVAL would fold BatchNorm into the convolutions.
        training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False,
        input_names=["input"], output_names=["logits"],
        dynamic_axes={"input": {0: "batch"}, "logits": {0: "batch"}})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, required=True,
                        help="folder with the four Fashion-MNIST files, gzip-compressed")
    parser.add_argument("--output", type=pathlib.Path, required=True, help="ONNX file to write")
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--peak-rate", type=float, default=0.2, help="largest learning rate")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    model = ResNet8()
    print(f"{sum(p.numel() for p in model.parameters())} parameters", flush=True)
    train(model, *load(args.data, "train"), args.epochs, args.batch, args.peak_rate)
    images, labels = load(args.data, "t10k")
    print(f"test accuracy {correct(model, images, labels)} of {len(labels)}")
    export(model, str(args.output))


if __name__ == "__main__":
    main()
