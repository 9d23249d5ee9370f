"""Training and test images: Fashion-MNIST's IDX files and CIFAR-10's binary files.

Images stay u8 until a batch is drawn; shifting and flipping happens on the
pixels, and `Dataset.normalise` makes them the network's input.
"""

import dataclasses
import pathlib

import numpy as np
import torch
from torch.nn import functional as F

import idx

CIFAR_RECORD = 1 + 3 * 32 * 32  # label, then the red, green and blue plane


@dataclasses.dataclass
class Dataset:
    """u8 images N x C x H x W with labels N, and how pixels / 255 are normalised."""

    train: tuple  # images, labels
    test: tuple
    mean: tuple  # per channel
    std: tuple
    shift: int  # augmentation: largest shift in pixels

    @property
    def channels(self):
        return self.train[0].shape[1]

    @property
    def side(self):
        return self.train[0].shape[2]

    def normalise(self, images):
        """u8 pixels to the network's input."""
        mean, std = (torch.tensor(v).view(1, -1, 1, 1) for v in (self.mean, self.std))
        return (images.float() / 255 - mean) / std

    def augment(self, images):
        """Flip each image with probability 1/2 and shift it by up to `shift` pixels."""
        count, _, height, width = images.shape
        padded = F.pad(images, (self.shift,) * 4)  # black, as the shifted-in border
        top, left = torch.randint(0, 2 * self.shift + 1, (2, count, 1))
        rows = top + torch.arange(height)
        columns = left + torch.arange(width)
        flip = torch.rand(count, 1) < 0.5
        columns = torch.where(flip, columns.flip(1), columns)
        item = torch.arange(count)[:, None, None]
        # Indices around the slice come first: N x H x W x C.
        return padded[item, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def fashion_mnist(folder):
    """Fashion-MNIST from the four gzip-compressed IDX files in `folder`."""
    def part(prefix):
        images = idx.read(folder / f"{prefix}-images-idx3-ubyte.gz")
        labels = idx.read(folder / f"{prefix}-labels-idx1-ubyte.gz")
        return torch.from_numpy(images.copy())[:, None], torch.from_numpy(labels.astype(np.int64))

    return Dataset(part("train"), part("t10k"), mean=(0.2860,), std=(0.3530,), shift=2)


def cifar10(folder):
    """CIFAR-10 from the binary version's data_batch_*.bin and test_batch.bin."""
    def part(pattern):
        paths = sorted(folder.glob(pattern))
        if not paths:
            raise FileNotFoundError(f"{folder}: no {pattern}; give the folder of "
                                    "CIFAR-10's binary version with --cifar-dir")
        records = np.concatenate([np.fromfile(path, np.uint8) for path in paths])
        if records.size % CIFAR_RECORD:
            raise ValueError(f"{folder}/{pattern}: {records.size} bytes are not "
                             f"records of {CIFAR_RECORD}")
        records = torch.from_numpy(records.reshape(-1, CIFAR_RECORD))
        return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0].long()

    # As recoup's --preprocess cifar10.
    return Dataset(part("data_batch_*.bin"), part("test_batch.bin"),
                   mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), shift=4)


def load(name, folder):
    """The data set `name`, from `folder`."""
    return {"fashion-mnist": fashion_mnist, "cifar10": cifar10}[name](pathlib.Path(folder))
