"""Write models that are damaged or odd, to see that each is refused in words.

    pip install onnx==1.23.2 numpy==2.4.6
    python3 damaged_models.py

Writes damaged/*.onnx and damaged/README.md, the table of their defects. The
models are in damage/; each is one sound network with one defect.
"""

import pathlib

from damage import network

DAMAGED = pathlib.Path(__file__).parent / "damaged"
LARGEST_BYTES = 5_000
LARGER = {"if_deep"}
HEAD = """\
# Damaged and odd models

Made by `../damaged_models.py`: the network of `good.onnx` (Conv, Relu,
GlobalAveragePool, Flatten, Gemm; 3 x 32 x 32) with one defect each. A file that
must be refused ends in a message that names node, operator and place, without a
panic and without much time or memory; one that runs prints no control
characters. Where ONNX leaves it open, both are right, but never a panic.

| file | defect | must |
|---|---|---|
"""


def main():
    DAMAGED.mkdir(exist_ok=True)
    rows = []
    for name in sorted(network.CASES):
        _, defect, must = network.CASES[name]
        data = network.build(name)
        assert len(data) < LARGEST_BYTES or name in LARGER, (name, len(data))
        (DAMAGED / f"{name}.onnx").write_bytes(data)
        rows.append(f"| {name}.onnx | {defect} | {'be ' + must if must == 'refused' else must} |")
    expected = {f"{name}.onnx" for name in network.CASES} | {"README.md"}
    stale = {path.name for path in DAMAGED.iterdir()} - expected
    assert not stale, f"no longer made: {stale}"
    (DAMAGED / "README.md").write_text(HEAD + "\n".join(rows) + "\n")
    print(len(rows), "models")


if __name__ == "__main__":
    main()
