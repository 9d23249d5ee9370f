/***
* An array multiplier in the form in which EvoApproxLib distributes circuits.
***/
// MAE% = 0.12245 %
// MAE = 80.25 
// WCE = 321 
// MSE = 9158.25 

module mul8u_trunc6 ( A, B, O );
  input [7:0] A;
  input [7:0] B;
  output [15:0] O;
  wire [112:0] N;

  AND2X1 n1(.A(A[0]), .B(B[6]), .Y(N[0]));
  AND2X1 n2(.A(A[0]), .B(B[7]), .Y(N[1]));
  AND2X1 n3(.A(A[1]), .B(B[5]), .Y(N[2]));
  AND2X1 n4(.A(A[1]), .B(B[6]), .Y(N[3]));
  AND2X1 n5(.A(A[1]), .B(B[7]), .Y(N[4]));
  AND2X1 n6(.A(A[2]), .B(B[4]), .Y(N[5]));
  AND2X1 n7(.A(A[2]), .B(B[5]), .Y(N[6]));
  AND2X1 n8(.A(A[2]), .B(B[6]), .Y(N[7]));
  AND2X1 n9(.A(A[2]), .B(B[7]), .Y(N[8]));
  AND2X1 n10(.A(A[3]), .B(B[3]), .Y(N[9]));
  AND2X1 n11(.A(A[3]), .B(B[4]), .Y(N[10]));
  AND2X1 n12(.A(A[3]), .B(B[5]), .Y(N[11]));
  AND2X1 n13(.A(A[3]), .B(B[6]), .Y(N[12]));
  AND2X1 n14(.A(A[3]), .B(B[7]), .Y(N[13]));
  AND2X1 n15(.A(A[4]), .B(B[2]), .Y(N[14]));
  AND2X1 n16(.A(A[4]), .B(B[3]), .Y(N[15]));
  AND2X1 n17(.A(A[4]), .B(B[4]), .Y(N[16]));
  AND2X1 n18(.A(A[4]), .B(B[5]), .Y(N[17]));
  AND2X1 n19(.A(A[4]), .B(B[6]), .Y(N[18]));
  AND2X1 n20(.A(A[4]), .B(B[7]), .Y(N[19]));
  AND2X1 n21(.A(A[5]), .B(B[1]), .Y(N[20]));
  AND2X1 n22(.A(A[5]), .B(B[2]), .Y(N[21]));
  AND2X1 n23(.A(A[5]), .B(B[3]), .Y(N[22]));
  AND2X1 n24(.A(A[5]), .B(B[4]), .Y(N[23]));
  AND2X1 n25(.A(A[5]), .B(B[5]), .Y(N[24]));
  AND2X1 n26(.A(A[5]), .B(B[6]), .Y(N[25]));
  AND2X1 n27(.A(A[5]), .B(B[7]), .Y(N[26]));
  AND2X1 n28(.A(A[6]), .B(B[0]), .Y(N[27]));
  AND2X1 n29(.A(A[6]), .B(B[1]), .Y(N[28]));
  AND2X1 n30(.A(A[6]), .B(B[2]), .Y(N[29]));
  AND2X1 n31(.A(A[6]), .B(B[3]), .Y(N[30]));
  AND2X1 n32(.A(A[6]), .B(B[4]), .Y(N[31]));
  AND2X1 n33(.A(A[6]), .B(B[5]), .Y(N[32]));
  AND2X1 n34(.A(A[6]), .B(B[6]), .Y(N[33]));
  AND2X1 n35(.A(A[6]), .B(B[7]), .Y(N[34]));
  AND2X1 n36(.A(A[7]), .B(B[0]), .Y(N[35]));
  AND2X1 n37(.A(A[7]), .B(B[1]), .Y(N[36]));
  AND2X1 n38(.A(A[7]), .B(B[2]), .Y(N[37]));
  AND2X1 n39(.A(A[7]), .B(B[3]), .Y(N[38]));
  AND2X1 n40(.A(A[7]), .B(B[4]), .Y(N[39]));
  AND2X1 n41(.A(A[7]), .B(B[5]), .Y(N[40]));
  AND2X1 n42(.A(A[7]), .B(B[6]), .Y(N[41]));
  AND2X1 n43(.A(A[7]), .B(B[7]), .Y(N[42]));
  FAX1 n45(.A(N[0]), .B(N[2]), .C(N[5]), .YS(N[43]), .YC(N[44]));
  FAX1 n47(.A(N[9]), .B(N[14]), .C(N[20]), .YS(N[45]), .YC(N[46]));
  FAX1 n49(.A(N[27]), .B(N[43]), .C(N[45]), .YS(N[47]), .YC(N[48]));
  FAX1 n51(.A(N[1]), .B(N[3]), .C(N[6]), .YS(N[49]), .YC(N[50]));
  FAX1 n53(.A(N[10]), .B(N[15]), .C(N[21]), .YS(N[51]), .YC(N[52]));
  FAX1 n55(.A(N[28]), .B(N[35]), .C(N[44]), .YS(N[53]), .YC(N[54]));
  FAX1 n57(.A(N[46]), .B(N[48]), .C(N[49]), .YS(N[55]), .YC(N[56]));
  FAX1 n59(.A(N[51]), .B(N[53]), .C(N[55]), .YS(N[57]), .YC(N[58]));
  FAX1 n61(.A(N[4]), .B(N[7]), .C(N[11]), .YS(N[59]), .YC(N[60]));
  FAX1 n63(.A(N[16]), .B(N[22]), .C(N[29]), .YS(N[61]), .YC(N[62]));
  FAX1 n65(.A(N[36]), .B(N[50]), .C(N[52]), .YS(N[63]), .YC(N[64]));
  FAX1 n67(.A(N[54]), .B(N[56]), .C(N[58]), .YS(N[65]), .YC(N[66]));
  FAX1 n69(.A(N[59]), .B(N[61]), .C(N[63]), .YS(N[67]), .YC(N[68]));
  HAX1 n71(.A(N[65]), .B(N[67]), .YS(N[69]), .YC(N[70]));
  FAX1 n73(.A(N[8]), .B(N[12]), .C(N[17]), .YS(N[71]), .YC(N[72]));
  FAX1 n75(.A(N[23]), .B(N[30]), .C(N[37]), .YS(N[73]), .YC(N[74]));
  FAX1 n77(.A(N[60]), .B(N[62]), .C(N[64]), .YS(N[75]), .YC(N[76]));
  FAX1 n79(.A(N[66]), .B(N[68]), .C(N[70]), .YS(N[77]), .YC(N[78]));
  FAX1 n81(.A(N[71]), .B(N[73]), .C(N[75]), .YS(N[79]), .YC(N[80]));
  HAX1 n83(.A(N[77]), .B(N[79]), .YS(N[81]), .YC(N[82]));
  FAX1 n85(.A(N[13]), .B(N[18]), .C(N[24]), .YS(N[83]), .YC(N[84]));
  FAX1 n87(.A(N[31]), .B(N[38]), .C(N[72]), .YS(N[85]), .YC(N[86]));
  FAX1 n89(.A(N[74]), .B(N[76]), .C(N[78]), .YS(N[87]), .YC(N[88]));
  FAX1 n91(.A(N[80]), .B(N[82]), .C(N[83]), .YS(N[89]), .YC(N[90]));
  FAX1 n93(.A(N[85]), .B(N[87]), .C(N[89]), .YS(N[91]), .YC(N[92]));
  FAX1 n95(.A(N[19]), .B(N[25]), .C(N[32]), .YS(N[93]), .YC(N[94]));
  FAX1 n97(.A(N[39]), .B(N[84]), .C(N[86]), .YS(N[95]), .YC(N[96]));
  FAX1 n99(.A(N[88]), .B(N[90]), .C(N[92]), .YS(N[97]), .YC(N[98]));
  FAX1 n101(.A(N[93]), .B(N[95]), .C(N[97]), .YS(N[99]), .YC(N[100]));
  FAX1 n103(.A(N[26]), .B(N[33]), .C(N[40]), .YS(N[101]), .YC(N[102]));
  FAX1 n105(.A(N[94]), .B(N[96]), .C(N[98]), .YS(N[103]), .YC(N[104]));
  FAX1 n107(.A(N[100]), .B(N[101]), .C(N[103]), .YS(N[105]), .YC(N[106]));
  FAX1 n109(.A(N[34]), .B(N[41]), .C(N[102]), .YS(N[107]), .YC(N[108]));
  FAX1 n111(.A(N[104]), .B(N[106]), .C(N[107]), .YS(N[109]), .YC(N[110]));
  FAX1 n113(.A(N[42]), .B(N[108]), .C(N[110]), .YS(N[111]), .YC(N[112]));

  assign O[0] = 1'b0;
  assign O[1] = 1'b0;
  assign O[2] = 1'b0;
  assign O[3] = 1'b0;
  assign O[4] = 1'b0;
  assign O[5] = 1'b0;
  assign O[6] = N[47];
  assign O[7] = N[57];
  assign O[8] = N[69];
  assign O[9] = N[81];
  assign O[10] = N[91];
  assign O[11] = N[99];
  assign O[12] = N[105];
  assign O[13] = N[109];
  assign O[14] = N[111];
  assign O[15] = N[112];
endmodule
