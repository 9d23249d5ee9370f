"""Gemm with C of every shape, transposed operands and factors; in float and
with quantised activations and weights."""

from .graph import case

DEPTH = 6


def product(g, x, rows, columns, c, quantised, trans_a=0, trans_b=0, **factors):
    """Gemm of `x` (rows x DEPTH) and constant weights."""
    values = g.array(columns, DEPTH)
    values = values if trans_b else values.T.copy()
    weight = g.qweight(values) if quantised else g.initializer(values)
    if trans_a:
        x = g.op("Transpose", x, perm=[1, 0])
        if quantised:
            x = g.qdq(x)
    extra = [] if c is None else [g.uniform(-1, 1, *c) if isinstance(c, tuple) else c(g)]
    y = g.op("Gemm", x, weight, *extra, transA=trans_a, transB=trans_b, **factors)
    return g.qdq(y) if quantised else y


def matrix(g, quantised, rows=None):
    """What the product reads: rows of DEPTH, after a layer. With `rows`, they are made of one
    image; else each image is a row."""
    x = g.qdq("input") if quantised else "input"
    if rows:
        y = g.op("Reshape", x, g.ints(rows, 5))
        x = g.qdq(y, like=x) if quantised else y
    x = g.op("Gemm", x, g.qweight(g.array(DEPTH, 5)) if quantised else g.weight(DEPTH, 5), transB=1)
    x = g.op("Relu", x)
    return g.qdq(x) if quantised else x


def row(g, y, quantised):
    """All rows as the scores of the one image."""
    z = g.op("Reshape", y, g.ints(1, -1))
    return g.qdq(z, like=y) if quantised else z


# Name, rows M, columns N, C's shape, what differs. M = N is where [M, 1] looks
# like one value per output.
ROWS = [
    ("c-m1-square", 4, 4, (4, 1), {}),
    ("c-m1", 3, 4, (3, 1), {}),
    ("c-1n", 3, 4, (1, 4), {}),
    ("c-n", 3, 4, (4,), {}),
    ("c-1n-square", 4, 4, (1, 4), {}),
    ("c-mn", 3, 4, (3, 4), {}),
    ("c-mn-square", 4, 4, (4, 4), {}),
    ("c-scalar", 3, 4, (), {}),
    ("c-one", 3, 4, (1,), {}),
    ("c-one-one", 3, 4, (1, 1), {}),
    ("c-one-image", 1, 4, (1, 1), {}),
    ("c-none", 3, 4, None, {}),
    ("trans-a", 3, 4, (4,), {"trans_a": 1}),
    ("trans-a-b", 3, 4, (4,), {"trans_a": 1, "trans_b": 1}),
    ("trans-b", 3, 4, (4,), {"trans_b": 1}),
    ("alpha", 3, 4, (4,), {"alpha": 0.3}),
    ("alpha-no-c", 3, 4, None, {"alpha": -1.7, "trans_b": 1}),
    ("beta", 3, 4, (4,), {"beta": -0.6}),
    ("alpha-beta", 3, 4, (1, 4), {"alpha": 0.3, "beta": 2.5, "trans_b": 1}),
    ("alpha-beta-m1", 4, 4, (4, 1), {"alpha": -0.5, "beta": 1.5, "trans_b": 1}),
    ("beta-zero", 3, 4, (4,), {"beta": 0.0}),
]


def register(name, rows, columns, c, options, quantised):
    title = f"gemm-{name}-qdq" if quantised else f"gemm-{name}"
    # A C that holds a value per row, or A transposed: the rows are not the batch.
    inside = c is not None and len(c) == 2 and c[0] > 1 or "trans_a" in options
    shape = "none" if c is None else list(c)
    note = f"Gemm, M {rows}, N {columns}, C of shape {shape}, {options or 'no attributes'}"

    @case(note + ("; quantised" if quantised else ""), "qdq" if quantised else "float", title,
          shape=(5 * rows,) if inside else (5,), images=1 if inside else rows,
          batch=1 if inside else "N")
    def build(g):
        x = matrix(g, quantised, rows if inside else None)
        y = product(g, x, rows, columns, c, quantised, **options)
        return row(g, y, quantised) if inside else y


for line in ROWS:
    for with_codes in [False, True]:
        register(*line, with_codes)


def activation(columns, quantised):
    """C made from the input by another layer."""
    def build(g):
        x = "input"
        if quantised:
            y = g.op("Gemm", g.qdq(x), g.qweight(g.array(columns, 5)), transB=1)
            return g.qdq(y)
        return g.op("Gemm", x, g.weight(columns, 5), transB=1)
    return build


def register_activation(name, columns, quantised, **factors):
    kind = "qdq" if quantised else "float"

    @case(f"Gemm whose C is an activation of {columns} columns; {kind} {factors or ''}".strip(),
          kind, name, shape=(5,), images=3)
    def build(g):
        return product(g, matrix(g, quantised), 3, 4, activation(columns, quantised), quantised,
                       **factors)


register_activation("gemm-c-activation", 4, False)
register_activation("gemm-c-activation-qdq", 4, True)
register_activation("gemm-c-activation-beta", 4, False, alpha=0.5, beta=-2.0)
register_activation("gemm-c-activation-m1", 1, False)
register_activation("gemm-c-activation-m1-qdq", 1, True)


@case("Gemm whose A is constant and whose B is the activation", name="gemm-constant-a",
      shape=(15,), images=1, batch=1)
def constant_a(g):
    x = g.op("Transpose", matrix(g, False, 3), perm=[1, 0])
    y = g.op("Gemm", g.weight(4, DEPTH), x, g.uniform(-1, 1, 4, 1))
    return row(g, y, False)


@case("Gemm whose A is constant and transposed, with alpha, beta, B transposed",
      name="gemm-constant-a-transposed", shape=(15,), images=1, batch=1)
def constant_a_transposed(g):
    y = g.op("Gemm", g.initializer(g.array(4, DEPTH).T.copy()), matrix(g, False, 3),
             g.uniform(-1, 1, 3), transA=1, transB=1, alpha=0.5, beta=-2.0)
    return row(g, y, False)


@case("Gemm of two activations", name="gemm-activations", shape=(15,), images=1, batch=1)
def activations(g):
    y = g.op("Gemm", matrix(g, False, 3), matrix(g, False, 3), transB=1, alpha=0.5)
    return row(g, g.op("Gemm", y, g.weight(4, 3), g.uniform(-1, 1, 4), transB=1), False)


@case("MatMul with constant weights on the left", name="matmul-constant-left", shape=(5, 4),
      images=3)
def constant_left(g):
    y = g.op("MatMul", g.weight(3, 5), "input")
    return g.fhead(g.op("Relu", y))


@case("MatMul of a vector of weights", name="matmul-vector", shape=(3, 5), images=2)
def vector(g):
    y = g.op("MatMul", g.op("Relu", g.op("MatMul", "input", g.weight(5, 6))),
             g.uniform(-1, 1, 6))
    return g.gemm(y, 3, g.classes)


@case("MatMul with weights of rank 3: one matrix per head", name="matmul-rank3", shape=(3, 2, 5))
def rank3(g):
    y = g.op("MatMul", "input", g.initializer(g.array(3, 5, 4)))
    return g.fhead(g.op("Relu", y))


@case("MatMul and Add of a bias of shape [1, N], [1, 1, N] and a scalar", name="matmul-add-ranks",
      shape=(2, 5))
def add_ranks(g):
    y = g.op("Add", g.op("MatMul", "input", g.weight(5, 6)), g.uniform(-1, 1, 1, 6))
    y = g.op("Add", g.op("MatMul", y, g.weight(6, 6)), g.uniform(-1, 1, 1, 1, 6))
    y = g.op("Add", g.op("MatMul", y, g.weight(6, 6)), g.uniform(-1, 1))
    return g.fhead(g.op("Relu", y))


@case("MatMul and Add of one value per token, [6, 1]: not a bias of the outputs",
      name="matmul-add-tokens", shape=(6, 5))
def add_tokens(g):
    y = g.op("Add", g.op("MatMul", "input", g.weight(5, 6)), g.uniform(-1, 1, 6, 1))
    return g.fhead(g.op("Relu", y))


@case("Conv and Add of [W] along the width, as wide as there are filters", name="conv-add-width",
      shape=(2, 4, 4))
def add_width(g):
    y = g.op("Add", g.conv("input", 2, 4, 3), g.uniform(-1, 1, 4))
    y = g.op("Mul", y, g.uniform(0.5, 1.5, 4, 1))
    return g.fhead(g.op("Relu", y))
