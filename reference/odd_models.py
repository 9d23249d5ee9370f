"""Write tiny models of the kinds that importers read wrongly, with their results.

    pip install onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
    python3 odd_models.py [part of a name]

Writes odd/*.onnx and odd/*.json beside this file; README.md documents the
fields. The models are in families/. Each model is checked by onnx's checker
and run by ONNX Runtime; where onnx's reference evaluator has the operators, the
two are compared, and a difference of more than one step is an error.
"""

import pathlib
import platform
import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from families import graph
from make_vectors import floats, write_json

HERE = pathlib.Path(__file__).parent
ODD = HERE / "odd"
HEADER = {
    "generator": "reference/odd_models.py",
    "seed": graph.SEED,
    "versions": {"python": platform.python_version(), "onnxruntime": ort.__version__,
                 "onnx": onnx.__version__, "numpy": np.__version__},
}
LARGEST_BYTES = 20_000
# Where onnx's evaluator is wrong, and how that is known.
EVALUATOR_WRONG = {
    "max-pool-same-lower": "pads as SAME_UPPER; explicit pads [1, 1, 0, 0] give ORT's result",
    "lrn": "it sums over as many channels as there are images; the formula gives ORT's result",
    **{f"opset{opset}": "it trains in BatchNormalization before 14; operator set 15 gives the same"
       for opset in [9, 10, 12]},
    **{name: "it does not flatten before operator set 13; the formula gives ORT's result"
       for name in ["softmax-opset11-axis1", "softmax-opset11-axis2", "softmax-opset11-default",
                    "softmax-opset11-negative", "log-softmax-opset11", "hardmax-opset11",
                    "hardmax-ties-opset11",
                    *[f"qoperator-softmax-flattening-{act}-as-qdq" for act in ["u8", "s8"]]]},
}


def along(values, x, axis):
    """Scales or zero points of one axis, broadcast to the shape of `x`."""
    shape = [1] * x.ndim
    if values.size > 1:
        shape[1 if axis is None else axis] = -1
    return values.reshape(shape if x.ndim else ())


class QuantizeLinear(OpRun):
    """Stands for the versions before 19, which onnx does not evaluate."""

    op_domain = ""

    def _run(self, x, scale, zero=np.uint8(0), axis=None, **_):
        limits, zero = np.iinfo(zero.dtype), np.asarray(zero)
        codes = np.rint(x / along(scale, x, axis)) + along(zero, x, axis)
        return (np.clip(codes, limits.min, limits.max).astype(zero.dtype),)


class DequantizeLinear(OpRun):
    op_domain = ""

    def _run(self, x, scale, zero=np.uint8(0), axis=None, **_):
        centred = x.astype(np.int32) - along(np.asarray(zero), x, axis).astype(np.int32)
        return ((centred * along(scale, x, axis)).astype(np.float32),)


def listed(name, array):
    integers = np.issubdtype(array.dtype, np.integer)
    data = array.ravel().tolist() if integers else floats(array)
    return {"name": name, "shape": list(array.shape), "type": str(array.dtype), "data": data}


def second_opinion(name, model, feeds, results, step):
    """Compares with onnx's own evaluator; says where it cannot."""
    try:
        old = [QuantizeLinear, DequantizeLinear] if model.opset_import[0].version < 19 else None
        others = ReferenceEvaluator(model, new_ops=old).run(None, feeds)
    except Exception as error:  # any operator may be missing
        return f"no second opinion: {type(error).__name__} {str(error).splitlines()[0][:90]}"
    worst = max(np.abs(np.asarray(a, np.float64) - np.asarray(b, np.float64)).max(initial=0)
                if a.shape == b.shape else np.inf for a, b in zip(results, others))
    if worst > (1.001 * step if step else 1e-4):
        for wrong, reason in EVALUATOR_WRONG.items():
            if wrong in [name, name.removesuffix("-qdq")]:
                return f"onnx's evaluator is wrong: {reason}"
        raise ValueError(f"onnx's evaluator differs by {worst}, a step is {step}")
    return ""


def write(name):
    function, note, kind, refuse, options = graph.CASES[name]
    g = graph.Graph(name, **options)
    built = function(g)
    model = built if isinstance(built, onnx.ModelProto) else g.finish(built)
    onnx.checker.check_model(model)
    results = graph.session(model).run(None, g.feeds)
    for result in results:
        assert np.isfinite(np.asarray(result, np.float64)).all(), name
    onnx.save(model, ODD / f"{name}.onnx")
    assert (ODD / f"{name}.onnx").stat().st_size < LARGEST_BYTES, name
    inputs = [listed(*pair) for pair in g.feeds.items()]
    content = {**HEADER, "model": f"{name}.onnx", "note": note, "kind": kind,
               "judge": "ORT no optimisation"}
    if refuse:
        content["refuse"] = refuse
    if g.step is not None:
        content["step"] = g.step
    content["input"] = inputs[0]
    if inputs[1:]:
        content["other_inputs"] = inputs[1:]
    content["outputs"] = [listed(output.name, result)
                          for output, result in zip(model.graph.output, results)]
    write_json(ODD / f"{name}.json", content)
    return "is refused" if refuse else second_opinion(name, model, g.feeds, results, g.step)


def main():
    part = sys.argv[1] if sys.argv[1:] else ""
    ODD.mkdir(exist_ok=True)
    for name in graph.CASES:
        if part in name:
            try:
                print(f"{name:40}", write(name))
            except Exception as error:
                raise SystemExit(f"{name}: {error}") from error
    stale = {path.stem for path in ODD.iterdir()} - set(graph.CASES)
    if stale:
        raise SystemExit(f"no longer made: {', '.join(sorted(stale))}")


if __name__ == "__main__":
    main()
