"""What runs along with a convolution in the float reference: a Pad before it, an
Add, Relu or Clip after it; and what looks like it but must not."""

from .graph import case


def two(g):
    """Two tensors of one size that depend on the input."""
    return g.conv("input", 2, 3, 3, bias=True), g.op("Sigmoid", g.conv("input", 2, 3, 1))


@case("a residual that is made after the convolution, then a Clip", name="together-residual")
def residual(g):
    x = g.op("Relu", g.conv("input", 2, 3, 3, bias=True))
    y = g.conv(x, 3, 5, 3, bias=True)
    return g.fhead(g.relu6(g.op("Add", g.op("Tanh", g.conv(x, 3, 5, 1)), y)))


@case("a convolution that is added to its input", name="together-own-input")
def own_input(g):
    x = g.op("Relu", g.conv("input", 2, 3, 3))
    return g.fhead(g.op("Add", g.conv(x, 3, 3, 3, bias=True), x))


@case("a convolution that is added to itself", name="together-itself")
def itself(g):
    x = g.conv("input", 2, 3, 3)
    return g.fhead(g.op("Relu", g.op("Add", x, x)))


@case("two convolutions that are added", name="together-two-convolutions")
def two_convolutions(g):
    x, y = g.conv("input", 2, 3, 3, bias=True), g.conv("input", 2, 3, 1, bias=True)
    return g.fhead(g.op("Relu", g.op("Add", x, y)))


@case("a constant of the convolution's size is added", name="together-constant")
def constant(g):
    x = g.conv("input", 2, 3, 3)
    return g.fhead(g.op("Relu", g.op("Add", g.uniform(-1, 1, 1, 3, 4, 4), x)))


@case("one number per channel that depends on the input is added", name="together-broadcast")
def broadcast(g):
    x, y = two(g)
    return g.fhead(g.op("Relu", g.op("Add", x, g.op("GlobalAveragePool", y))))


@case("the convolution is what is broadcast", name="together-broadcast-convolution")
def broadcast_convolution(g):
    x, y = two(g)
    x = g.conv(x, 3, 3, 4, pads=[0] * 4)
    return g.fhead(g.op("Relu", g.op("Add", x, y)))


@case("a Relu beside which others read the sum", name="together-sum-read-twice")
def sum_read_twice(g):
    x, y = two(g)
    total = g.op("Add", x, y)
    return g.fhead(g.op("Concat", total, g.op("Relu", total), axis=1))


@case("the convolution and the sum are outputs, too", name="together-outputs")
def outputs(g):
    x, y = two(g)
    total = g.op("Add", x, y)
    return [g.fhead(g.op("Relu", total)), x, total]


@case("readers of one tensor with different pads, strides and operators", name="together-pads")
def pads(g):
    x = g.op("Relu", g.conv("input", 2, 3, 3))
    parts = [g.conv(x, 3, 2, 5, strides=[2, 2], pads=[2, 0, 1, 3]),
             g.conv(x, 3, 2, 3, strides=[2, 2], pads=[0, 2, 1, 0]),
             g.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])]
    return g.fhead(g.op("Concat", *parts, axis=1))


@case("zeros around the image for two convolutions", name="together-pad")
def pad(g):
    x = g.op("Pad", "input", g.ints(0, 0, 1, 2, 0, 0, 0, 1))
    y = g.conv(x, 2, 3, 3, bias=True, pads=[1, 0, 2, 0])
    return g.fhead(g.op("Concat", y, g.conv(x, 2, 3, 3, pads=[1, 0, 2, 0]), axis=1))


@case("zeros around the image that a pool reads, too", name="together-pad-read-twice")
def pad_read_twice(g):
    x = g.op("Pad", g.conv("input", 2, 3, 3), g.ints(0, 0, 1, 1, 0, 0, 1, 1))
    y = g.op("MaxPool", x, kernel_shape=[3, 3], strides=[1, 1])
    return g.fhead(g.op("Concat", y, g.conv(x, 3, 3, 3, pads=[0] * 4), axis=1))


@case("channels of zeros before a convolution", name="together-pad-channels")
def pad_channels(g):
    x = g.op("Pad", g.conv("input", 2, 3, 3), g.ints(0, 1, 0, 0, 0, 1, 0, 0))
    return g.fhead(g.conv(x, 5, 3, 3))


@case("a Pad that cuts before a convolution", name="together-pad-negative")
def pad_negative(g):
    x = g.op("Pad", g.conv("input", 2, 3, 3), g.ints(0, 0, -1, 1, 0, 0, 1, -1))
    return g.fhead(g.conv(x, 3, 3, 3))


def register_groups(name, note, inputs, outputs, group, kernel=3):
    @case(note, name=f"together-groups-{name}")
    def build(g):
        x = g.op("Relu", g.conv("input", 2, inputs, 1))
        x = g.conv(x, inputs, outputs, kernel, group=group, bias=True, strides=[2, 1])
        return g.fhead(g.op("Relu", x))


register_groups("depthwise", "18 channels by themselves", 18, 18, 18)
register_groups("multiplied", "2 filters for each of 9 channels", 9, 18, 9)
register_groups("small", "groups of 3 channels with 5 filters", 9, 15, 3)
register_groups("odd", "groups of 9 channels", 18, 6, 2)
register_groups("whole", "groups of 16 channels with 16 filters", 32, 32, 2,
                kernel=1)
