"""Several images in one sample, which a Conv takes one by one: the frames of a film."""

import numpy as np

from .graph import case


def register(name, note, size=(5, 6), kernel=(3, 3), filters=4, group=1, opset=13, **attributes):
    """Three frames of two channels each, once in float and once quantised."""
    def frames(g, x):
        return g.op("Reshape", x, g.ints(-1, 2, *size))

    def rows(g, x):
        return g.op("Reshape", x, g.ints(-1, 3 * int(np.prod(g.shape(x)[1:]))))

    @case(f"{note}: three frames in a sample", name=f"film-{name}", shape=(3, 2, *size), opset=opset)
    def float_model(g):
        weight = g.weight(filters, 2 // group, *kernel)
        y = g.op("Conv", frames(g, "input"), weight, g.uniform(-0.2, 0.2, filters), group=group, **attributes)
        return g.fhead(rows(g, g.op("Relu", y)))

    @case(f"{note}: three frames in a sample; quantised", "qdq", f"film-{name}-qdq",
          shape=(3, 2, *size), opset=max(opset, 13))
    def quantised_model(g):
        x = g.qdq("input")
        x = g.qdq(frames(g, x), like=x)
        weight = g.qweight(g.array(filters, 2 // group, *kernel))
        bias = g.qbias(g.rng.uniform(-0.3, 0.3, filters), x, weight)
        y = g.qdq(g.op("Conv", x, weight, bias, group=group, **attributes))
        return g.qhead(g.qdq(rows(g, y), like=y))


register("plain", "Conv with pads", pads=[1, 1, 1, 1])
register("strided", "strides 2 and 3, uneven pads", size=(6, 7), strides=[2, 3], pads=[2, 0, 0, 1])
register("dilated", "dilations 2 and 1, stride 2", size=(7, 5), dilations=[2, 1], strides=[2, 2],
         pads=[1, 1, 2, 0])
register("same-upper", "auto_pad SAME_UPPER, stride 2", size=(6, 5), strides=[2, 2],
         auto_pad="SAME_UPPER")
register("pointwise", "kernel 1, stride 2", kernel=(1, 1), strides=[2, 2], opset=9)
register("depthwise", "a group per channel", group=2, pads=[0, 1, 1, 0], opset=18)
register("signal", "1-D Conv, stride 2", size=(9,), kernel=(3,), strides=[2], pads=[1, 0])
