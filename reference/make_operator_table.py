#!/usr/bin/env python3
"""Makes core/src/model/check/operators.txt from the operator schemas of the PyPI package onnx.

    pip install onnx==1.23.2
    python3 make_operator_table.py

The signatures of com.microsoft are written here by hand: ONNX Runtime's are in no package.
"""

import pathlib
import sys

import onnx
from onnx import defs

VERSION = "1.23.2"
# What Recoup reads; `OPSETS` in core/src/model/check/mod.rs says the same.
OLDEST, NEWEST = 7, 25

FORMAL = {"Single": "r", "Optional": "o", "Variadic": "v"}
ATTRIBUTE = {
    "FLOAT": "f",
    "INT": "i",
    "STRING": "s",
    "TENSOR": "t",
    "GRAPH": "g",
    "SPARSE_TENSOR": "p",
    "TYPE_PROTO": "y",
    "FLOATS": "F",
    "INTS": "I",
    "STRINGS": "S",
}
# Before set 13 the schema demands what exporters leave empty, and what runtimes let be empty.
LENIENT = {("Resize", 11): "rooo"}

HEADER = """\
# The operators of ai.onnx in sets {oldest} to {newest}, and some of com.microsoft; made by
# reference/make_operator_table.py from onnx {version}, not edited by hand. A line is:
#   [com.microsoft:]name since inputs outputs attributes...
# since: the set that brought this signature; "-" behind it: removed in that set.
# inputs, outputs: r required, o optional, v one or more, w any number; "." for none.
# attributes, name:type, with "!" where required: f float, i int, s string, t tensor, g graph,
#   p sparse tensor, y type, and F, I, S for lists.
"""

MICROSOFT = """\
QGemm 1 rrrrrrooo r alpha:f transA:i transB:i
QLinearAdd 1 rrorroro r
QLinearMul 1 rrorroro r
QLinearConcat 1 rrv r axis:i!
QLinearAveragePool 1 rroro r auto_pad:s ceil_mode:i channels_last:i count_include_pad:i \
kernel_shape:I! pads:I strides:I
QLinearGlobalAveragePool 1 rrrrr r channels_last:i
QLinearSigmoid 1 rroro r
QLinearLeakyRelu 1 rroro r alpha:f
QLinearSoftmax 1 rrorr r axis:i opset:i!
QuantizeLinear 1 rro r axis:i block_size:i
DequantizeLinear 1 rro r axis:i block_size:i
Gelu 1 r r
FusedMatMul 1 rr r alpha:f transA:i transB:i transBatchA:i transBatchB:i
Attention 1 rrooooo ro do_rotary:i mask_filter_value:f num_heads:i! past_present_share_buffer:i \
qkv_hidden_sizes:I rotary_embedding_dim:i scale:f unidirectional:i
FusedGemm 1 rro r activation:s activation_alpha:f activation_beta:f activation_gamma:f alpha:f \
beta:f transA:i transB:i
FusedConv 1 rroo r activation:s activation_params:F auto_pad:s dilations:I group:i kernel_shape:I \
pads:I strides:I
SkipLayerNormalization 1 rrroo rooo epsilon:f
EmbedLayerNormalization 1 rorrorroo roo epsilon:f mask_index_type:i
BiasGelu 1 rr r
FastGelu 1 ro r
QuickGelu 1 r r alpha:f
MultiHeadAttention 1 rooooooooo rooo mask_filter_value:f num_heads:i! scale:f unidirectional:i
"""


def formals(parameters):
    text = ""
    for parameter in parameters:
        letter = FORMAL[parameter.option.name]
        # "Any number of" may mean none.
        if letter == "v" and parameter.min_arity == 0:
            letter = "w"
        text += letter
    return text or "."


def line(schema):
    since = str(schema.since_version)
    if schema.deprecated:
        return f"{schema.name} {since}- . ."
    inputs = LENIENT.get((schema.name, schema.since_version), formals(schema.inputs))
    attributes = [
        f"{name}:{ATTRIBUTE[attribute.type.name]}{'!' if attribute.required else ''}"
        for name, attribute in sorted(schema.attributes.items())
    ]
    return " ".join([schema.name, since, inputs, formals(schema.outputs), *attributes])


def main():
    if onnx.__version__ != VERSION:
        sys.exit(f"onnx {VERSION} is needed, found {onnx.__version__}")
    schemas = {}
    for schema in defs.get_all_schemas_with_history():
        if schema.domain == "" and schema.since_version <= NEWEST:
            schemas.setdefault(schema.name, []).append(schema)
    lines = []
    for _, versions in sorted(schemas.items()):
        versions.sort(key=lambda schema: schema.since_version)
        replaced = [later.since_version <= OLDEST for later in versions[1:]] + [False]
        signatures = [line(schema) for schema, old in zip(versions, replaced) if not old]
        # A set that only widened the types repeats the signature.
        kept = None
        for signature in signatures:
            name, since, rest = signature.split(" ", 2)
            if rest != kept or since.endswith("-"):
                lines.append(signature)
            kept = rest
    lines += [f"com.microsoft:{signature}" for signature in MICROSOFT.splitlines()]
    target = pathlib.Path(__file__).parent.parent / "core/src/model/check/operators.txt"
    header = HEADER.format(oldest=OLDEST, newest=NEWEST, version=VERSION)
    target.write_text(header + "\n".join(lines) + "\n")
    print(f"{len(lines)} signatures, {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
