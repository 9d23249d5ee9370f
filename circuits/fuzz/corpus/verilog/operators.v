module m(input [7:0] a,b,output [15:0] o);wire signed [0:3] s=a[7:4],\t =~b;
assign o={2{a*b}}^(s>>>1)-(a<b?-a:s!=4'sd3?b<<a[1:0]:&a||!b)+{a[0],^b};endmodule
