// perforated:3: the three low bits of B are not read. One expression of every kind.
`timescale 1ns / 1ps
(* top_of = "the file" *)
module operators(input wire [7:0] A, input [0:7] B, output logic [15:0] O);
  // B[0] is the highest bit.
  wire [4:0] high = B[0:4];
  wire [15:0] rows_even, rows_odd;
  wire [15:0] \row.0 , row1, row2, row3, row4;
  assign \row.0 = high[0] ? A << 3 : 16'h0000;
  assign row1 = {16{high[1]}} & {4'b0, A, 4'd0};
  assign row2 = !(high[2] == 1'b1) ? 16'd0 : A * 6'o40;
  assign row3 = (high >> 3 & 1) != 0 && !0 ? {2'b0, A, 6'b00_0000} : 0;
  wire [8:0] sum4;
  // A when the highest bit is set: 0 - (0 - A), by subtraction and negation.
  assign sum4 = (^high[4:4] ? 9'd0 - (-{1'b0, A}) : 9'd0),
         row4 = {7'b0, sum4} << (4 + 3);
  assign rows_even = \row.0 + row2 + row4;
  assign rows_odd = ~(~row1 - row3);
  // x + y = (x ^ y) + 2 (x & y)
  wire [15:0] half = ~(rows_even ~^ rows_odd);
  wire [15:0] both = ~(~rows_even | ~rows_odd);
  wire always_one = |A | ~|A, also = &{always_one, ~&2'b01, ~^2'b11};
  wire less = A < 8'd100, more = A >= 100;
  assign O = half + {both[14:0], 1'b0} + ((less ^ more) & also) - (A <= 9'd255)
           + ((A > 8'hff) || (A !== A));
endmodule
