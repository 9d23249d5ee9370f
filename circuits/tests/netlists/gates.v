// perforated:4: A times the four high bits of B, of primitives and modules.
module half_adder(x, y, s, c);
  input x, y;
  output s, c;
  wire s;
  xor (s, x, y);
  and g(c, x, y);
endmodule

module full_adder(input x, y, z, output s, c);
  wire s1, c1, c2, n1, n2;
  half_adder h1(x, y, s1, c1);
  half_adder h2(.c(c2), .x(s1), .y(z), .s(s));
  not (n1, c1), i2(n2, c2);
  nand (c, n1, n2);
endmodule

// x + y + z of 8 bits in nine.
module add_8(input [7:0] x, input [7:0] y, output [8:0] s);
  wire [8:0] carry;
  assign carry[0] = 1'b0, s[8] = carry[8];
  full_adder f0(x[0], y[0], carry[0], s[0], carry[1]), f1(x[1], y[1], carry[1], s[1], carry[2]),
             f2(x[2], y[2], carry[2], s[2], carry[3]), f3(x[3], y[3], carry[3], s[3], carry[4]);
  full_adder f4(x[4], y[4], carry[4], s[4], carry[5]), f5(x[5], y[5], carry[5], s[5], carry[6]),
             f6(x[6], y[6], carry[6], s[6], carry[7]), f7(x[7], y[7], carry[7], s[7], carry[8]);
endmodule

module row(input [7:0] a, input b, output [7:0] p);
  wire [7:0] n;
  and (p[0], a[0], b, 1'b1), (p[1], a[1], b);
  nor (p[2], n[2], n[7]), (p[3], n[3], n[7]);
  not (n[2], a[2]), (n[3], a[3]);
  not (n[7], b);
  // buf drives several outputs; its names are declared by their use.
  and (t4, a[4], b);
  buf (p[4], unused, t4);
  assign p[7:5] = a[7:5] & {3{b}};
endmodule

module multiplier(O, B, A);
  output [15:0] O;
  input [7:0] B;
  input [7:0] A;
  wire [7:0] p0, p1, p2, p3;
  wire [8:0] s1, s2, s3;
  row r0(A, B[4], p0), r1(A, B[5], p1), r2(A, B[6], p2), r3(A, B[7], p3);
  add_8 a1({1'b0, p0[7:1]}, p1, s1), a2(s1[8:1], p2, s2), a3(s2[8:1], p3, s3);
  assign O = {s3, s2[0], s1[0], p0[0], 4'b0000};
endmodule
