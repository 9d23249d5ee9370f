"""The array behind AXI4-Stream, in cocotb: sums equal the emulator's whatever the streams do.

With Icarus Verilog, and cocotb 2 and cocotbext-axi from PyPI, in this folder:

    python3 test_array_axi.py
"""

import json
import logging
import random
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge
from cocotb_tools.runner import get_results, get_runner
from cocotbext.axi import AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource

FOLDER = Path(__file__).resolve().parent
ARRAY = json.loads((FOLDER / "array.json").read_text())
ROWS, COLUMNS, STREAMS = ARRAY["rows"], ARRAY["columns"], ARRAY["axi"]["streams"]
PE_ROWS = ARRAY["cycles"]["pe_rows"]
LAYER = ARRAY["vectors"]
DEPTH, FILTERS, POSITIONS = LAYER["depth"], LAYER["filters"], LAYER["positions"]
TILES, BLOCKS = -(-DEPTH // ROWS), -(-FILTERS // COLUMNS)
PERIOD_NS = 10
# A hundred times what a layer takes without stalls: a wrapper that hangs fails soon.
LIMIT_NS = (
    100 * PERIOD_NS * TILES * BLOCKS * (PE_ROWS + COLUMNS + POSITIONS + 2 * ARRAY["axi"]["latency"])
)


def words(name):
    path = FOLDER / f"{name}.hex"
    return [int(line, 16) for line in path.read_text().split()] if path.exists() else []


WEIGHTS, ACTIVATIONS, BIAS = words("weights"), words("activations"), words("bias")
CONSTANTS = {"c": words("c"), "c0": words("c0")}
EXPECTED = words("expected")


def stream(name):
    return next((stream for stream in STREAMS if stream["name"] == name), None)


def packed(name, numbers):
    """A word of a stream, of the numbers of each of its fields."""
    word = 0
    for field in stream(name)["fields"]:
        for index, number in enumerate(numbers[field["name"]]):
            word |= number << (field["low"] + field["stride"] * index)
    return word


def weights_of(block, tile):
    """A word for each row of PEs, the last row's first, and what tile it is."""
    in_row = ROWS // PE_ROWS

    def code(column, row):
        filter, product = block * COLUMNS + column, tile * ROWS + row
        return WEIGHTS[filter * DEPTH + product] if filter < FILTERS and product < DEPTH else 0

    name = "s_axis_weights"
    data = [
        packed(name, {"w": [code(c, r * in_row + i) for c in range(COLUMNS) for i in range(in_row)]})
        for r in reversed(range(PE_ROWS))
    ]
    marks = (tile == 0) | (tile == TILES - 1) << 1
    bits = len(stream(name)["user"])
    return AxiStreamFrame(data, tuser=[marks & ((1 << bits) - 1)] * len(data) if bits else None)


def constants_of(block):
    name = "s_axis_constants"
    fields = [field["name"] for field in stream(name)["fields"]]

    def of(field, filter):
        return CONSTANTS[field][filter] if filter < FILTERS else 0

    filters = [block * COLUMNS + column for column in reversed(range(COLUMNS))]
    return AxiStreamFrame([packed(name, {f: [of(f, filter)] for f in fields}) for filter in filters])


def activations_of(tile):
    def code(position, row):
        product = tile * ROWS + row
        return ACTIVATIONS[position * DEPTH + product] if product < DEPTH else LAYER["padding"]

    name = "s_axis_activations"
    rows = range(ROWS)
    return AxiStreamFrame(
        [packed(name, {"a": [code(p, row) for row in rows]}) for p in range(POSITIONS)]
    )


def check(block, data):
    """The last tile's results are the emulator's accumulators."""
    field = stream("m_axis_results")["fields"][0]
    assert len(data) == POSITIONS, f"{len(data)} results of {POSITIONS}"
    for position, word in enumerate(data):
        for column in range(COLUMNS):
            filter = block * COLUMNS + column
            if filter >= FILTERS:
                continue
            sum = word >> (field["low"] + field["stride"] * column) & ((1 << field["bits"]) - 1)
            if field["signed"] and sum >> (field["bits"] - 1):
                sum -= 1 << field["bits"]
            total = ((sum << LAYER["result_shift"]) + BIAS[filter]) & 0xFFFFFFFF
            expected = EXPECTED[position * FILTERS + filter]
            assert total == expected, (
                f"position {position}, filter {filter}: {total}, expected {expected}"
            )


def stalls(seed):
    """Pauses of random lengths, some longer than the FIFO is deep, with bursts between them."""
    numbers = random.Random(seed)
    while True:
        for paused in (True, False):
            length = numbers.choice((1, 1, 2, 3, 8, 40))
            if paused and numbers.random() < 0.05:
                length = 2 * ARRAY["axi"]["latency"]
            yield from [paused] * length


class Bench:
    """Drivers for all streams, behind a clock that runs."""

    def __init__(self, dut):
        self.dut = dut
        logging.getLogger(f"cocotb.{dut._name}").setLevel(logging.ERROR)
        self.drivers = {}
        for each in STREAMS:
            driver = AxiStreamSource if each["input"] else AxiStreamSink
            bus = AxiStreamBus.from_prefix(dut, each["name"])
            self.drivers[each["name"]] = driver(
                bus, dut.aclk, dut.aresetn, reset_active_level=False, byte_lanes=1
            )
        self.results = self.drivers["m_axis_results"]
        cocotb.start_soon(Clock(dut.aclk, PERIOD_NS, unit="ns").start())

    async def reset(self):
        for driver in self.drivers.values():
            driver.clear()
        self.dut.aresetn.value = 0
        await ClockCycles(self.dut.aclk, 2)
        self.dut.aresetn.value = 1
        await RisingEdge(self.dut.aclk)

    def stall(self, seed):
        for index, driver in enumerate(self.drivers.values()):
            driver.set_pause_generator(stalls(f"{seed} {index}"))

    def send(self, name, frame):
        self.drivers[name].send_nowait(frame)

    async def layer(self):
        """All blocks and tiles; what can be is offered before it is wanted."""
        for block in range(BLOCKS):
            for tile in range(TILES):
                self.send("s_axis_weights", weights_of(block, tile))
                self.send("s_axis_activations", activations_of(tile))
            if stream("s_axis_constants"):
                self.send("s_axis_constants", constants_of(block))
        for block in range(BLOCKS):
            for tile in range(TILES):
                frame = await self.results.recv()
                if tile < TILES - 1:
                    self.send("s_axis_sums", AxiStreamFrame(list(frame.tdata)))
            check(block, frame.tdata)
        await ClockCycles(self.dut.aclk, 2 * ARRAY["axi"]["latency"])
        assert self.results.empty(), "more results than positions"
        assert not self.dut.error.value, "a packet of a wrong length"


@cocotb.test(timeout_time=LIMIT_NS, timeout_unit="ns")
async def back_to_back(dut):
    """Without stalls, tile behind tile."""
    bench = Bench(dut)
    await bench.reset()
    await bench.layer()


@cocotb.test(timeout_time=LIMIT_NS, timeout_unit="ns")
async def random_stalls(dut):
    """Every stream pauses at random, and so does the receiver."""
    bench = Bench(dut)
    await bench.reset()
    bench.stall(1)
    await bench.layer()


@cocotb.test(timeout_time=LIMIT_NS, timeout_unit="ns")
async def full_fifo(dut):
    """Nobody takes results for long: positions wait, and none is lost."""
    bench = Bench(dut)
    await bench.reset()
    bench.results.pause = True
    layer = cocotb.start_soon(bench.layer())
    await ClockCycles(dut.aclk, 4 * ARRAY["axi"]["latency"] + 4 * POSITIONS + 8 * ROWS)
    bench.results.pause = False
    await layer


@cocotb.test(timeout_time=LIMIT_NS, timeout_unit="ns")
async def reset_in_the_middle(dut):
    """In the middle of weights, constants, positions, waiting results: all is forgotten."""
    bench = Bench(dut)
    await bench.reset()
    tile = PE_ROWS + POSITIONS + ARRAY["axi"]["latency"]
    for part in (PE_ROWS // 2 + 1, PE_ROWS + 2, tile // 2, tile - 2, tile + 5):
        bench.results.pause = True
        layer = cocotb.start_soon(bench.layer())
        await ClockCycles(dut.aclk, part)
        layer.cancel()
        await bench.reset()
        # Each time: what one reset leaves behind, the next would hide.
        bench.results.pause = False
        await bench.layer()


@cocotb.test(timeout_time=LIMIT_NS, timeout_unit="ns")
async def wrong_length(dut):
    """A packet of weights that is too short is told."""
    bench = Bench(dut)
    await bench.reset()
    frame = weights_of(0, 0)
    if len(frame.tdata) > 1:
        user = frame.tuser[1:] if frame.tuser else None
        bench.send("s_axis_weights", AxiStreamFrame(frame.tdata[1:], tuser=user))
        await ClockCycles(dut.aclk, PE_ROWS + 4)
        assert dut.error.value, "not told"


def test_array_axi():
    """Compiles the wrapper, and runs all tests above; an error if one fails."""
    runner = get_runner("icarus")
    runner.build(
        sources=[FOLDER / name for name in (FOLDER / "array.f").read_text().split()],
        hdl_toplevel="array_axi",
        build_dir=FOLDER / "sim_build",
        build_args=["-g2012"],
        timescale=("1ns", "1ns"),
        always=True,
    )
    results = runner.test(
        test_module=Path(__file__).stem,
        hdl_toplevel="array_axi",
        test_dir=FOLDER,
        # cocotbext-axi still calls what cocotb 2 will give up.
        extra_env={"PYTHONWARNINGS": "ignore::DeprecationWarning"},
    )
    tests, failures = get_results(results)
    if failures:
        print(f"FAIL: {failures} of {tests} tests")
        raise SystemExit(1)
    print(f"PASS: {tests} tests")


if __name__ == "__main__":
    test_array_axi()
