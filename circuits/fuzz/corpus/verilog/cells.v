module h(x,y,s);input x,y;output s;xor(s,x,y);endmodule
module m(A,B,O);input [7:0]A;input [7:0]B;output [15:0]O;wire [9:0]N;
h u(A[0],B[0],O[0]),v(.x(A[1]),.y(),.s(N[1]));AOI21X1 c(.A(A[2]),.B(B[2]),.C(1'b1),.Y(O[1]));
FAX1 f(.A(A[3]),.B(B[3]),.C(A[4]),.YS(O[2]),.YC(O[3]));\$_MUX_ k(.A(A[5]),.B(B[4]),.S(A[0]),.Y(O[4]));
ND n(.I1(A[6]),.OUT1(O[5]));nand(w,A[7],w2);not(O[6],w2,B[7]);assign O[15:7]=0;endmodule
%%%library(l){cell(ND){area:2;pin(I1){direction:input;}pin(OUT1){function:"(I1 ^ 1)'+0";}}cell(F){ff(q,n){}}}
