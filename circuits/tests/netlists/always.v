// MAE = 63.75
module multiplier #(parameter DROPPED = 1) (
    input [7:0] A,
    input [7:0] B,
    output reg [15:0] O
);
  integer i;
  always @* begin
    O = 0;
    for (i = DROPPED; i < 8; i = i + 1)
      if (B[i]) O = O + (A << i);
  end
endmodule
