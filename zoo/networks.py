"""The families of networks, small enough for 28 x 28 or 32 x 32 images.

Each is written after the field's original, with fewer and narrower layers.
Every convolution is followed by BatchNorm and has no bias of its own.
The transformer's layers on tokens have biases, and LayerNorm before them.
Input: N x channels x side x side, normalised; output: N x 10 logits.
"""

import torch
from torch import nn
from torch.nn import functional as F

CLASSES = 10


def conv(inputs, outputs, kernel, stride=1, groups=1, activation=nn.ReLU):
    """Convolution that keeps the size (divided by the stride), BatchNorm, activation."""
    layers = [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
              nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, *([activation()] if activation else []))


class Head(nn.Sequential):
    """Global average pooling and one fully connected layer."""

    def __init__(self, inputs):
        super().__init__(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, CLASSES))


class Vgg(nn.Sequential):
    """Pairs of 3x3 convolutions, each pair halved by max pooling, two Gemm (Simonyan 2014)."""

    def __init__(self, channels, side, widths=(16, 32, 64), hidden=128):
        layers, inputs = [], channels
        for width in widths:
            layers += [conv(inputs, width, 3), conv(width, width, 3), nn.MaxPool2d(2)]
            inputs = width
        features = inputs * (side // 2 ** len(widths)) ** 2
        super().__init__(*layers, nn.Flatten(), nn.Dropout(0.3), nn.Linear(features, hidden),
                         nn.ReLU(), nn.Dropout(0.3), nn.Linear(hidden, CLASSES))


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut, 1x1 where the shape changes (He 2015)."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.first = conv(inputs, outputs, 3, stride)
        self.second = conv(outputs, outputs, 3, activation=None)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = conv(inputs, outputs, 1, stride, activation=None)

    def forward(self, x):
        return F.relu(self.second(self.first(x)) + self.shortcut(x))


class ResNet(nn.Sequential):
    """A 3x3 stem and three stages of residual blocks."""

    def __init__(self, channels, blocks, strides, widths=(16, 32, 64)):
        layers, inputs = [conv(channels, 16, 3)], 16
        for width, stride in zip(widths, strides):
            for index in range(blocks):
                layers.append(ResidualBlock(inputs, width, stride if index == 0 else 1))
                inputs = width
        super().__init__(*layers, Head(inputs))


class Inception(nn.Module):
    """Four parallel branches, concatenated: 1x1, 3x3, 5x5, pooling (Szegedy 2014).

    `branches`: outputs of the 1x1; reduction and outputs of the 3x3 and of the
    5x5; outputs of the projection after pooling.
    """

    def __init__(self, inputs, branches):
        super().__init__()
        one, reduce_three, three, reduce_five, five, pool = branches
        self.branches = nn.ModuleList([
            conv(inputs, one, 1),
            nn.Sequential(conv(inputs, reduce_three, 1), conv(reduce_three, three, 3)),
            nn.Sequential(conv(inputs, reduce_five, 1), conv(reduce_five, five, 5)),
            nn.Sequential(nn.MaxPool2d(3, 1, 1), conv(inputs, pool, 1)),
        ])
        self.outputs = one + three + five + pool

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], 1)


class GoogLeNet(nn.Sequential):
    """A stem and four inception modules, one before the second max pooling."""

    def __init__(self, channels):
        layers, inputs = [conv(channels, 16, 3), nn.MaxPool2d(2), conv(16, 32, 3)], 32
        for index, branches in enumerate([(16, 16, 24, 8, 12, 12), (24, 32, 48, 12, 16, 16),
                                          (32, 32, 48, 12, 24, 24), (32, 32, 64, 16, 32, 32)]):
            if index == 1:
                layers.append(nn.MaxPool2d(2))
            layers.append(Inception(inputs, branches))
            inputs = layers[-1].outputs
        super().__init__(*layers, Head(inputs))


class ShuffleUnit(nn.Module):
    """Grouped 1x1, channel shuffle, depthwise 3x3, grouped 1x1 (Zhang 2017).

    The shortcut is the input itself, or with stride 2 its average, to which the
    new channels are appended.
    """

    def __init__(self, inputs, outputs, stride, groups):
        super().__init__()
        self.groups, self.stride = groups, stride
        # Groups of the few channels after the stem would see too little.
        first_groups = groups if inputs >= 32 else 1
        branch = outputs - inputs if stride == 2 else outputs
        middle = outputs // 4
        self.reduce = conv(inputs, middle, 1, groups=first_groups)
        self.depthwise = conv(middle, middle, 3, stride, groups=middle, activation=None)
        self.expand = conv(middle, branch, 1, groups=groups, activation=None)

    def shuffle(self, x):
        """Interleave the groups, so that the next grouped layer sees all of them."""
        _, channels, height, width = x.shape
        x = x.reshape(-1, self.groups, channels // self.groups, height, width)
        return x.transpose(1, 2).reshape(-1, channels, height, width)

    def forward(self, x):
        y = self.expand(self.depthwise(self.shuffle(self.reduce(x))))
        if self.stride == 2:
            return F.relu(torch.cat([F.avg_pool2d(x, 3, 2, 1), y], 1))
        return F.relu(x + y)


class ShuffleNet(nn.Sequential):
    """A stem and two stages of shuffle units."""

    def __init__(self, channels, stages=((64, 2), (192, 4)), groups=2):
        layers, inputs = [conv(channels, 16, 3)], 16
        for width, units in stages:
            for index in range(units):
                layers.append(ShuffleUnit(inputs, width, 2 if index == 0 else 1, groups))
                inputs = width
        super().__init__(*layers, Head(inputs))


class InvertedResidual(nn.Module):
    """1x1 expansion, depthwise 3x3, linear 1x1 projection (Sandler 2018).

    With ReLU in place of ReLU6: PyTorch trains ReLU6 twice as slowly.
    """

    def __init__(self, inputs, outputs, stride, expansion):
        super().__init__()
        self.residual = stride == 1 and inputs == outputs
        middle = inputs * expansion
        self.layers = nn.Sequential(
            conv(inputs, middle, 1),
            conv(middle, middle, 3, stride, groups=middle),
            conv(middle, outputs, 1, activation=None),
        )

    def forward(self, x):
        return x + self.layers(x) if self.residual else self.layers(x)


class MobileNetV2(nn.Sequential):
    """A stem of stride 2, inverted residuals in three widths, a last 1x1 convolution."""

    def __init__(self, channels, widths=((24, 1, 1), (40, 2, 3), (64, 1, 2)), expansion=4,
                 last=160):
        layers, inputs = [conv(channels, 24, 3, 2)], 24
        for width, stride, blocks in widths:
            for index in range(blocks):
                layers.append(InvertedResidual(inputs, width, stride if index == 0 else 1,
                                               expansion))
                inputs = width
        super().__init__(*layers, conv(inputs, last, 1), Head(last))


class Attention(nn.Module):
    """Each token takes of the others what its query finds by their keys (Vaswani 2017)."""

    def __init__(self, width, tokens, heads):
        super().__init__()
        # Fixed here and not read off the input, so that the ONNX file holds plain numbers.
        self.width, self.tokens, self.heads = width, tokens, heads
        self.qkv = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)

    def forward(self, x):
        depth = self.width // self.heads
        qkv = self.qkv(x).reshape(-1, self.tokens, 3, self.heads, depth).permute(2, 0, 3, 1, 4)
        query, key, value = qkv[0], qkv[1], qkv[2]
        weights = torch.softmax(query @ key.transpose(-2, -1) * depth ** -0.5, -1)
        x = (weights @ value).transpose(1, 2).reshape(-1, self.tokens, self.width)
        return self.project(x)


class EncoderBlock(nn.Module):
    """Attention, then two layers with GELU on each token: normalised before, added after."""

    def __init__(self, width, tokens, heads, expansion):
        super().__init__()
        self.attention = nn.Sequential(nn.LayerNorm(width), Attention(width, tokens, heads))
        self.mlp = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, expansion * width),
                                 nn.GELU(), nn.Linear(expansion * width, width))

    def forward(self, x):
        x = x + self.attention(x)
        return x + self.mlp(x)


class VisionTransformer(nn.Module):
    """An encoder (Dosovitskiy 2020) of few tokens, made by three 3x3 convolutions.

    A convolutional stem in place of patches is what lets a small one learn from
    few images (Hassani 2021). The class comes from the mean of the tokens.
    """

    def __init__(self, channels, side, width=96, blocks=4, heads=4, expansion=2):
        super().__init__()
        tokens = ((side + 3) // 4) ** 2
        self.stem = nn.Sequential(conv(channels, 24, 3), conv(24, 48, 3, 2), conv(48, width, 3, 2))
        self.positions = nn.Parameter(0.02 * torch.randn(1, tokens, width))
        self.blocks = nn.Sequential(
            *(EncoderBlock(width, tokens, heads, expansion) for _ in range(blocks)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, CLASSES)

    def forward(self, x):
        _, tokens, width = self.positions.shape
        x = self.stem(x).reshape(-1, width, tokens).transpose(1, 2) + self.positions
        return self.head(self.norm(self.blocks(x)).mean(1))


# Name: network for images of so many channels and pixels a side.
FAMILIES = {
    "vgg8": lambda channels, side: Vgg(channels, side),
    "resnet8": lambda channels, side: ResNet(channels, blocks=1, strides=(2, 1, 2)),
    "resnet20": lambda channels, side: ResNet(channels, blocks=3, strides=(2, 2, 2)),
    "googlenet": lambda channels, side: GoogLeNet(channels),
    "shufflenet": lambda channels, side: ShuffleNet(channels),
    "mobilenetv2": lambda channels, side: MobileNetV2(channels),
    "vit": lambda channels, side: VisionTransformer(channels, side),
}
