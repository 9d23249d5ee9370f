"""Writes tables.sha256 beside this file: the hashes of the product tables of all families.

    python3 tables.py

Products are w a less the closed formula of the error in docs/arithmetic.md, section 2, over the
values of w and a; no mask and no partial product is computed. It needs no package.
"""

import hashlib
import pathlib
import struct

FAMILIES = {"exact": [0], "perforated": range(1, 8), "truncated": range(1, 15),
            "recursive": range(1, 8)}


def low(w, bits):
    """w mod 2^bits: w itself where that is more than its byte."""
    return w if bits > 8 else w % (1 << bits)


def error(family, m, w, a):
    match family:
        case "exact":
            return 0
        case "perforated":
            return w * (a % (1 << m))
        case "truncated":
            rows = range(min(m, 8))
            return sum((a >> i & 1) * low(w, m - i) << i for i in rows)
        case "recursive":
            return low(w, m) * (a % (1 << m))


def table(family, m, signed):
    """All products as 32-bit integers, the byte of the weight first."""
    weights = [byte - 256 if signed and byte > 127 else byte for byte in range(256)]
    products = [w * a - error(family, m, w, a) for w in weights for a in range(256)]
    return struct.pack("<65536i", *products)


lines = []
for family, levels in FAMILIES.items():
    for m in levels:
        for coding, signed in [("u8u8", False), ("i8u8", True)]:
            digest = hashlib.sha256(table(family, m, signed)).hexdigest()
            lines.append(f"{family} {m} {coding} {digest}\n")
pathlib.Path(__file__).with_name("tables.sha256").write_text("".join(lines))
