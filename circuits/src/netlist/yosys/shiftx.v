// A select by a variable. Bits beyond the vector are x and stay so; yosys' own mapping of this
// cell gives them whatever value is cheapest.
(* techmap_celltype = "$shiftx" *)
module recoup_shiftx (A, B, Y);
  parameter A_SIGNED = 0;
  parameter B_SIGNED = 0;
  parameter A_WIDTH = 1;
  parameter B_WIDTH = 1;
  parameter Y_WIDTH = 1;
  // An index of more bits meets no bit of A.
  localparam BITS = $clog2(A_WIDTH + Y_WIDTH) + 1;
  localparam SPAN = 2 ** BITS;
  localparam EXTENDED = (B_WIDTH > BITS ? B_WIDTH : BITS) + 1;

  (* force_downto *)
  input [A_WIDTH-1:0] A;
  (* force_downto *)
  input [B_WIDTH-1:0] B;
  (* force_downto *)
  output [Y_WIDTH-1:0] Y;

  wire [1023:0] _TECHMAP_DO_ = "proc;;";

  wire negative = B_SIGNED ? B[B_WIDTH-1] : 1'b0;
  wire [EXTENDED-1:0] index = {{EXTENDED{negative}}, B};
  wire far = index[EXTENDED-1:BITS] != {EXTENDED - BITS{negative}};

  integer i;
  reg [A_WIDTH+SPAN-1:0] shifted;
  always @* begin
    // A negative index is its lowest bits, less SPAN.
    shifted = negative ? {A, {SPAN{1'bx}}} : {{SPAN{1'bx}}, A};
    for (i = 0; i < BITS; i = i + 1)
      if (index[i])
        shifted = {{2**i{1'bx}}, shifted[A_WIDTH+SPAN-1 : 2**i]};
  end
  assign Y = far ? {Y_WIDTH{1'bx}} : shifted[Y_WIDTH-1:0];
endmodule
