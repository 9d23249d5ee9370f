"""Writes the netlists of this folder that README.md lists as generated."""

import pathlib
import subprocess

FOLDER = pathlib.Path(__file__).parent


class Array:
    """A carry-save array of the partial products a_i b_j with i + j >= dropped."""

    def __init__(self, dropped, signed, cells):
        self.lines, self.count, self.cells = [], 0, cells
        columns = [[] for _ in range(17)]
        for i in range(8):
            for j in range(8):
                if i + j >= dropped:
                    inverted = signed and (i == 7) != (j == 7)
                    columns[i + j].append(self.product(i, j, inverted))
        if signed:
            columns[8].append("1'b1")
            columns[15].append("1'b1")
        self.outputs = []
        for column in range(16):
            bits = columns[column]
            while len(bits) > 1:
                taken, bits = bits[:3], bits[3:]
                total, carry = self.add(taken)
                bits.append(total)
                columns[column + 1].append(carry)
            self.outputs.append(bits[0] if bits else "1'b0")

    def new(self):
        self.count += 1
        return f"N[{self.count - 1}]" if self.cells else f"sig_{self.count + 15}"

    def assign(self, value):
        net = self.new()
        self.lines.append(f"  assign {net} = {value};")
        return net

    def product(self, i, j, inverted):
        if self.cells == "":
            return self.assign(("~" if inverted else "") + f"(A[{i}] & B[{j}])")
        net = self.new()
        self.lines.append(f"  {self.cells}AND2X1 n{self.count}(.A(A[{i}]), .B(B[{j}]), .Y({net}));")
        return net

    def add(self, bits):
        if self.cells == "":
            if len(bits) == 2:
                return self.assign(" ^ ".join(bits)), self.assign(" & ".join(bits))
            half = self.assign(f"{bits[0]} ^ {bits[1]}")
            both = self.assign(f"{bits[0]} & {bits[1]}")
            passed = self.assign(f"{half} & {bits[2]}")
            return self.assign(f"{half} ^ {bits[2]}"), self.assign(f"{both} | {passed}")
        total, carry = self.new(), self.new()
        kind = "HAX1" if len(bits) == 2 else "FAX1"
        pins = "".join(f".{pin}({bit}), " for pin, bit in zip("ABC", bits))
        self.lines.append(f"  {self.cells}{kind} n{self.count}({pins}.YS({total}), .YC({carry}));")
        return total, carry

    def module(self, name):
        nets = [f"sig_{number + 16}" for number in range(self.count)]
        wires = f"[{self.count - 1}:0] N" if self.cells else ",".join(nets)
        outputs = [f"  assign O[{bit}] = {net};" for bit, net in enumerate(self.outputs)]
        return "\n".join(
            [f"module {name} ( A, B, O );", "  input [7:0] A;", "  input [7:0] B;"]
            + ["  output [15:0] O;", f"  wire {wires};", ""]
            + self.lines + [""] + outputs + ["endmodule", ""]
        )


HELPERS = """
/* mod */
module PDKGENHAX1( input A, input B, output YS, output YC );
    assign YS = A ^ B;
    assign YC = A & B;
endmodule
/* mod */
module PDKGENFAX1( input A, input B, input C, output YS, output YC );
    assign YS = (A ^ B) ^ C;
    assign YC = (A & B) | (B & C) | (A & C);
endmodule
/* mod */
module PDKGENAND2X1( input A, input B, output Y );
    assign Y = A & B;
endmodule
"""


def header(mae, wce, mse):
    """Metrics as EvoApproxLib declares them."""
    return (
        "/***\n* An array multiplier in the form in which EvoApproxLib distributes circuits.\n***/\n"
        f"// MAE% = {100 * mae / 65536:.5f} %\n// MAE = {mae} \n// WCE = {wce} \n// MSE = {mse} \n\n"
    )


def truncated(dropped):
    """MAE, WCE and MSE of the array without its lowest columns."""
    errors = []
    for a in range(256):
        for b in range(256):
            low = [(i, j) for i in range(8) for j in range(8) if i + j < dropped]
            errors.append(sum((a >> i & 1) * (b >> j & 1) << i + j for i, j in low))
    return sum(errors) / 65536, max(errors), sum(error * error for error in errors) / 65536


def yosys(source, script):
    """Runs a script on a module given as text, `top`."""
    # By a name in this folder: yosys makes names of cells from it.
    file = FOLDER / "source.v"
    file.write_text(source)
    command = ["yosys", "-q", "-p", f"read_verilog {file.name}; {script}"]
    subprocess.run(command, check=True, cwd=FOLDER)
    file.unlink()


def write(name, text):
    (FOLDER / name).write_text(text)


EXACT = "module top(input [7:0] A, B, output [15:0] O); assign O = A * B; endmodule"
PERFORATED = """
module times(input [7:0] x, y, output [15:0] p); assign p = x * y; endmodule
module top(input [7:0] A, B, output [15:0] O);
  times t(A, {{B[7:{0}], {0}'b0}}, O);
endmodule
"""
GATES = "hierarchy -top top; proc; flatten; opt; techmap; opt; simplemap; opt_clean"

write("array_assign.v", header(0.0, 0, 0.0) + Array(0, False, "").module("mul8u_array"))
write("baugh_wooley.v", Array(0, True, "").module("mul8s_array"))
write(
    "array_pdkgen.v",
    header(*truncated(3)) + Array(3, False, "PDKGEN").module("mul8u_trunc3") + HELPERS,
)
cells = Array(6, False, "PDKGEN").module("mul8u_trunc6").replace("PDKGEN", "")
write("array_cells.v", header(*truncated(6)) + cells)
STRIP = "attrmap -remove src; attrmap -modattr -remove src"
ABC = "abc -g AND,OR,XOR,NAND,NOR,XNOR,ANDNOT,ORNOT,MUX,AOI3,OAI3,AOI4,OAI4; opt_clean"
yosys(EXACT, f"{GATES}; {ABC}; write_verilog -noexpr -noattr yosys_generic.v")
yosys(
    Array(4, False, "").module("top"),
    f"{GATES}; abc -liberty small.lib; opt_clean; write_verilog -noexpr -noattr yosys_mapped.v",
)
yosys(PERFORATED.format(5), f"{GATES}; {ABC}; {STRIP}; write_json yosys_gates.json")
yosys(PERFORATED.format(2), f"hierarchy -top top; proc; opt; {STRIP}; write_json yosys_words.json")
