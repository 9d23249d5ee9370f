/***
* An array multiplier in the form in which EvoApproxLib distributes circuits.
***/
// MAE% = 0.00648 %
// MAE = 4.25 
// WCE = 17 
// MSE = 34.25 

module mul8u_trunc3 ( A, B, O );
  input [7:0] A;
  input [7:0] B;
  output [15:0] O;
  wire [151:0] N;

  PDKGENAND2X1 n1(.A(A[0]), .B(B[3]), .Y(N[0]));
  PDKGENAND2X1 n2(.A(A[0]), .B(B[4]), .Y(N[1]));
  PDKGENAND2X1 n3(.A(A[0]), .B(B[5]), .Y(N[2]));
  PDKGENAND2X1 n4(.A(A[0]), .B(B[6]), .Y(N[3]));
  PDKGENAND2X1 n5(.A(A[0]), .B(B[7]), .Y(N[4]));
  PDKGENAND2X1 n6(.A(A[1]), .B(B[2]), .Y(N[5]));
  PDKGENAND2X1 n7(.A(A[1]), .B(B[3]), .Y(N[6]));
  PDKGENAND2X1 n8(.A(A[1]), .B(B[4]), .Y(N[7]));
  PDKGENAND2X1 n9(.A(A[1]), .B(B[5]), .Y(N[8]));
  PDKGENAND2X1 n10(.A(A[1]), .B(B[6]), .Y(N[9]));
  PDKGENAND2X1 n11(.A(A[1]), .B(B[7]), .Y(N[10]));
  PDKGENAND2X1 n12(.A(A[2]), .B(B[1]), .Y(N[11]));
  PDKGENAND2X1 n13(.A(A[2]), .B(B[2]), .Y(N[12]));
  PDKGENAND2X1 n14(.A(A[2]), .B(B[3]), .Y(N[13]));
  PDKGENAND2X1 n15(.A(A[2]), .B(B[4]), .Y(N[14]));
  PDKGENAND2X1 n16(.A(A[2]), .B(B[5]), .Y(N[15]));
  PDKGENAND2X1 n17(.A(A[2]), .B(B[6]), .Y(N[16]));
  PDKGENAND2X1 n18(.A(A[2]), .B(B[7]), .Y(N[17]));
  PDKGENAND2X1 n19(.A(A[3]), .B(B[0]), .Y(N[18]));
  PDKGENAND2X1 n20(.A(A[3]), .B(B[1]), .Y(N[19]));
  PDKGENAND2X1 n21(.A(A[3]), .B(B[2]), .Y(N[20]));
  PDKGENAND2X1 n22(.A(A[3]), .B(B[3]), .Y(N[21]));
  PDKGENAND2X1 n23(.A(A[3]), .B(B[4]), .Y(N[22]));
  PDKGENAND2X1 n24(.A(A[3]), .B(B[5]), .Y(N[23]));
  PDKGENAND2X1 n25(.A(A[3]), .B(B[6]), .Y(N[24]));
  PDKGENAND2X1 n26(.A(A[3]), .B(B[7]), .Y(N[25]));
  PDKGENAND2X1 n27(.A(A[4]), .B(B[0]), .Y(N[26]));
  PDKGENAND2X1 n28(.A(A[4]), .B(B[1]), .Y(N[27]));
  PDKGENAND2X1 n29(.A(A[4]), .B(B[2]), .Y(N[28]));
  PDKGENAND2X1 n30(.A(A[4]), .B(B[3]), .Y(N[29]));
  PDKGENAND2X1 n31(.A(A[4]), .B(B[4]), .Y(N[30]));
  PDKGENAND2X1 n32(.A(A[4]), .B(B[5]), .Y(N[31]));
  PDKGENAND2X1 n33(.A(A[4]), .B(B[6]), .Y(N[32]));
  PDKGENAND2X1 n34(.A(A[4]), .B(B[7]), .Y(N[33]));
  PDKGENAND2X1 n35(.A(A[5]), .B(B[0]), .Y(N[34]));
  PDKGENAND2X1 n36(.A(A[5]), .B(B[1]), .Y(N[35]));
  PDKGENAND2X1 n37(.A(A[5]), .B(B[2]), .Y(N[36]));
  PDKGENAND2X1 n38(.A(A[5]), .B(B[3]), .Y(N[37]));
  PDKGENAND2X1 n39(.A(A[5]), .B(B[4]), .Y(N[38]));
  PDKGENAND2X1 n40(.A(A[5]), .B(B[5]), .Y(N[39]));
  PDKGENAND2X1 n41(.A(A[5]), .B(B[6]), .Y(N[40]));
  PDKGENAND2X1 n42(.A(A[5]), .B(B[7]), .Y(N[41]));
  PDKGENAND2X1 n43(.A(A[6]), .B(B[0]), .Y(N[42]));
  PDKGENAND2X1 n44(.A(A[6]), .B(B[1]), .Y(N[43]));
  PDKGENAND2X1 n45(.A(A[6]), .B(B[2]), .Y(N[44]));
  PDKGENAND2X1 n46(.A(A[6]), .B(B[3]), .Y(N[45]));
  PDKGENAND2X1 n47(.A(A[6]), .B(B[4]), .Y(N[46]));
  PDKGENAND2X1 n48(.A(A[6]), .B(B[5]), .Y(N[47]));
  PDKGENAND2X1 n49(.A(A[6]), .B(B[6]), .Y(N[48]));
  PDKGENAND2X1 n50(.A(A[6]), .B(B[7]), .Y(N[49]));
  PDKGENAND2X1 n51(.A(A[7]), .B(B[0]), .Y(N[50]));
  PDKGENAND2X1 n52(.A(A[7]), .B(B[1]), .Y(N[51]));
  PDKGENAND2X1 n53(.A(A[7]), .B(B[2]), .Y(N[52]));
  PDKGENAND2X1 n54(.A(A[7]), .B(B[3]), .Y(N[53]));
  PDKGENAND2X1 n55(.A(A[7]), .B(B[4]), .Y(N[54]));
  PDKGENAND2X1 n56(.A(A[7]), .B(B[5]), .Y(N[55]));
  PDKGENAND2X1 n57(.A(A[7]), .B(B[6]), .Y(N[56]));
  PDKGENAND2X1 n58(.A(A[7]), .B(B[7]), .Y(N[57]));
  PDKGENFAX1 n60(.A(N[0]), .B(N[5]), .C(N[11]), .YS(N[58]), .YC(N[59]));
  PDKGENHAX1 n62(.A(N[18]), .B(N[58]), .YS(N[60]), .YC(N[61]));
  PDKGENFAX1 n64(.A(N[1]), .B(N[6]), .C(N[12]), .YS(N[62]), .YC(N[63]));
  PDKGENFAX1 n66(.A(N[19]), .B(N[26]), .C(N[59]), .YS(N[64]), .YC(N[65]));
  PDKGENFAX1 n68(.A(N[61]), .B(N[62]), .C(N[64]), .YS(N[66]), .YC(N[67]));
  PDKGENFAX1 n70(.A(N[2]), .B(N[7]), .C(N[13]), .YS(N[68]), .YC(N[69]));
  PDKGENFAX1 n72(.A(N[20]), .B(N[27]), .C(N[34]), .YS(N[70]), .YC(N[71]));
  PDKGENFAX1 n74(.A(N[63]), .B(N[65]), .C(N[67]), .YS(N[72]), .YC(N[73]));
  PDKGENFAX1 n76(.A(N[68]), .B(N[70]), .C(N[72]), .YS(N[74]), .YC(N[75]));
  PDKGENFAX1 n78(.A(N[3]), .B(N[8]), .C(N[14]), .YS(N[76]), .YC(N[77]));
  PDKGENFAX1 n80(.A(N[21]), .B(N[28]), .C(N[35]), .YS(N[78]), .YC(N[79]));
  PDKGENFAX1 n82(.A(N[42]), .B(N[69]), .C(N[71]), .YS(N[80]), .YC(N[81]));
  PDKGENFAX1 n84(.A(N[73]), .B(N[75]), .C(N[76]), .YS(N[82]), .YC(N[83]));
  PDKGENFAX1 n86(.A(N[78]), .B(N[80]), .C(N[82]), .YS(N[84]), .YC(N[85]));
  PDKGENFAX1 n88(.A(N[4]), .B(N[9]), .C(N[15]), .YS(N[86]), .YC(N[87]));
  PDKGENFAX1 n90(.A(N[22]), .B(N[29]), .C(N[36]), .YS(N[88]), .YC(N[89]));
  PDKGENFAX1 n92(.A(N[43]), .B(N[50]), .C(N[77]), .YS(N[90]), .YC(N[91]));
  PDKGENFAX1 n94(.A(N[79]), .B(N[81]), .C(N[83]), .YS(N[92]), .YC(N[93]));
  PDKGENFAX1 n96(.A(N[85]), .B(N[86]), .C(N[88]), .YS(N[94]), .YC(N[95]));
  PDKGENFAX1 n98(.A(N[90]), .B(N[92]), .C(N[94]), .YS(N[96]), .YC(N[97]));
  PDKGENFAX1 n100(.A(N[10]), .B(N[16]), .C(N[23]), .YS(N[98]), .YC(N[99]));
  PDKGENFAX1 n102(.A(N[30]), .B(N[37]), .C(N[44]), .YS(N[100]), .YC(N[101]));
  PDKGENFAX1 n104(.A(N[51]), .B(N[87]), .C(N[89]), .YS(N[102]), .YC(N[103]));
  PDKGENFAX1 n106(.A(N[91]), .B(N[93]), .C(N[95]), .YS(N[104]), .YC(N[105]));
  PDKGENFAX1 n108(.A(N[97]), .B(N[98]), .C(N[100]), .YS(N[106]), .YC(N[107]));
  PDKGENFAX1 n110(.A(N[102]), .B(N[104]), .C(N[106]), .YS(N[108]), .YC(N[109]));
  PDKGENFAX1 n112(.A(N[17]), .B(N[24]), .C(N[31]), .YS(N[110]), .YC(N[111]));
  PDKGENFAX1 n114(.A(N[38]), .B(N[45]), .C(N[52]), .YS(N[112]), .YC(N[113]));
  PDKGENFAX1 n116(.A(N[99]), .B(N[101]), .C(N[103]), .YS(N[114]), .YC(N[115]));
  PDKGENFAX1 n118(.A(N[105]), .B(N[107]), .C(N[109]), .YS(N[116]), .YC(N[117]));
  PDKGENFAX1 n120(.A(N[110]), .B(N[112]), .C(N[114]), .YS(N[118]), .YC(N[119]));
  PDKGENHAX1 n122(.A(N[116]), .B(N[118]), .YS(N[120]), .YC(N[121]));
  PDKGENFAX1 n124(.A(N[25]), .B(N[32]), .C(N[39]), .YS(N[122]), .YC(N[123]));
  PDKGENFAX1 n126(.A(N[46]), .B(N[53]), .C(N[111]), .YS(N[124]), .YC(N[125]));
  PDKGENFAX1 n128(.A(N[113]), .B(N[115]), .C(N[117]), .YS(N[126]), .YC(N[127]));
  PDKGENFAX1 n130(.A(N[119]), .B(N[121]), .C(N[122]), .YS(N[128]), .YC(N[129]));
  PDKGENFAX1 n132(.A(N[124]), .B(N[126]), .C(N[128]), .YS(N[130]), .YC(N[131]));
  PDKGENFAX1 n134(.A(N[33]), .B(N[40]), .C(N[47]), .YS(N[132]), .YC(N[133]));
  PDKGENFAX1 n136(.A(N[54]), .B(N[123]), .C(N[125]), .YS(N[134]), .YC(N[135]));
  PDKGENFAX1 n138(.A(N[127]), .B(N[129]), .C(N[131]), .YS(N[136]), .YC(N[137]));
  PDKGENFAX1 n140(.A(N[132]), .B(N[134]), .C(N[136]), .YS(N[138]), .YC(N[139]));
  PDKGENFAX1 n142(.A(N[41]), .B(N[48]), .C(N[55]), .YS(N[140]), .YC(N[141]));
  PDKGENFAX1 n144(.A(N[133]), .B(N[135]), .C(N[137]), .YS(N[142]), .YC(N[143]));
  PDKGENFAX1 n146(.A(N[139]), .B(N[140]), .C(N[142]), .YS(N[144]), .YC(N[145]));
  PDKGENFAX1 n148(.A(N[49]), .B(N[56]), .C(N[141]), .YS(N[146]), .YC(N[147]));
  PDKGENFAX1 n150(.A(N[143]), .B(N[145]), .C(N[146]), .YS(N[148]), .YC(N[149]));
  PDKGENFAX1 n152(.A(N[57]), .B(N[147]), .C(N[149]), .YS(N[150]), .YC(N[151]));

  assign O[0] = 1'b0;
  assign O[1] = 1'b0;
  assign O[2] = 1'b0;
  assign O[3] = N[60];
  assign O[4] = N[66];
  assign O[5] = N[74];
  assign O[6] = N[84];
  assign O[7] = N[96];
  assign O[8] = N[108];
  assign O[9] = N[120];
  assign O[10] = N[130];
  assign O[11] = N[138];
  assign O[12] = N[144];
  assign O[13] = N[148];
  assign O[14] = N[150];
  assign O[15] = N[151];
endmodule

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
