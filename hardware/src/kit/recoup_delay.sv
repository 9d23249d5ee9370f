// What came in CYCLES cycles ago.
module recoup_delay #(
    parameter integer WIDTH = 1,
    parameter integer CYCLES = 1
) (
    input wire clk,
    input wire [WIDTH-1:0] in,
    output wire [WIDTH-1:0] out
);
  reg [WIDTH*CYCLES-1:0] line;
  generate
    if (CYCLES == 1) begin : one
      always @(posedge clk) line <= in;
    end else begin : several
      always @(posedge clk) line <= {line[WIDTH*(CYCLES-1)-1:0], in};
    end
  endgenerate
  assign out = line[WIDTH*CYCLES-1:WIDTH*(CYCLES-1)];
endmodule
