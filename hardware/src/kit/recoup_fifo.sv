// First in, first out: 2^ADDRESS_BITS words and one at the output. Its memory is written and read at
// the rising edge, as SRAM is. Who writes counts the words: one too many would be lost.
module recoup_fifo #(
    parameter integer WIDTH = 8,
    parameter integer ADDRESS_BITS = 4
) (
    input wire clk,
    input wire resetn,
    input wire write,
    input wire [WIDTH-1:0] in,
    output reg [WIDTH-1:0] out,
    output reg valid,
    input wire ready
);
  reg [WIDTH-1:0] words [0:(1<<ADDRESS_BITS)-1];
  // One bit more than an address tells full from empty.
  reg [ADDRESS_BITS:0] written, taken;
  wire next = written != taken && (!valid || ready);
  always @(posedge clk) begin
    if (write) words[written[ADDRESS_BITS-1:0]] <= in;
    if (next) out <= words[taken[ADDRESS_BITS-1:0]];
  end
  always @(posedge clk) begin
    if (!resetn) begin
      written <= 0;
      taken <= 0;
      valid <= 1'b0;
    end else begin
      if (write) written <= written + 1'b1;
      if (next) taken <= taken + 1'b1;
      valid <= next || (valid && !ready);
    end
  end
endmodule
