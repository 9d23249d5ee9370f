// Testbench: {{filters}} filters of {{depth}} products at {{positions}} positions, {{source}};
// expected accumulators (acc* of the emulator) in expected.hex.
module tb;
  localparam integer ROWS = {{rows}};
  localparam integer COLUMNS = {{columns}};
  localparam integer DEPTH = {{depth}};
  localparam integer FILTERS = {{filters}};
  localparam integer POSITIONS = {{positions}};
  localparam integer TILES = {{tiles}};
  localparam integer BLOCKS = {{blocks}};
  localparam integer CYCLES = {{cycles}};
//if tiled
  localparam integer ACC_IN_DELAY = {{acc_in_delay}};
//end
  localparam integer ACC_OUT_DELAY = {{acc_out_delay}};
//if tiled_x
  localparam integer X_IN_DELAY = {{x_in_delay}};
  localparam integer X_OUT_DELAY = {{x_out_delay}};
//end
  localparam integer PADDING = {{padding}};

  reg clk = 1'b0;
  always #5 clk = !clk;
{{signals}}
  always @(posedge clk) begin
{{registers}}
  end
  array dut ({{connections}});

  reg [7:0] weights [0:FILTERS*DEPTH-1];
  reg [7:0] activations [0:POSITIONS*DEPTH-1];
  reg [31:0] bias [0:FILTERS-1];
  reg [31:0] expected [0:POSITIONS*FILTERS-1];
//if c
  reg{{c_range}} c [0:FILTERS-1];
//end
//if c0
  reg{{c0_range}} c0 [0:FILTERS-1];
//end
//if tiled
  // What a controller keeps from tile to tile.
  reg{{acc_range}} acc [0:COLUMNS*POSITIONS-1];
//end
//if tiled_x
  reg{{x_range}} x_acc [0:POSITIONS-1];
//end
  integer block, tile, step, cycle, row, column, position, filter, index;
  integer checked, failures;
  reg{{result_range}} result;
  reg [31:0] total;

  initial begin
    $readmemh("weights.hex", weights);
    $readmemh("activations.hex", activations);
    $readmemh("bias.hex", bias);
    $readmemh("expected.hex", expected);
//if c
    $readmemh("c.hex", c);
//end
//if c0
    $readmemh("c0.hex", c0);
//end
    checked = 0;
    failures = 0;
    for (block = 0; block < BLOCKS; block = block + 1) begin
//if constants
      for (step = 0; step < COLUMNS; step = step + 1) begin
        @(negedge clk);
        next_c_load = 1'b1;
        filter = block * COLUMNS + COLUMNS - 1 - step;
//end
//if c
        next_c_in = filter < FILTERS ? c[filter] : 0;
//end
//if c0
        next_c0_in = filter < FILTERS ? c0[filter] : 0;
//end
//if constants
      end
      @(negedge clk) next_c_load = 1'b0;
//end
      for (tile = 0; tile < TILES; tile = tile + 1) begin
        for (step = 0; step < ROWS; step = step + 1) begin
          @(negedge clk);
          next_load = 1'b1;
          for (column = 0; column < COLUMNS; column = column + 1) begin
            filter = block * COLUMNS + column;
            index = tile * ROWS + ROWS - 1 - step;
            next_w_in[8*column +: 8] =
                filter < FILTERS && index < DEPTH ? weights[filter * DEPTH + index] : 8'd0;
          end
        end
        @(negedge clk) next_load = 1'b0;
//if tiled_v
        next_last = tile == TILES - 1;
//end
        for (cycle = 0; cycle < CYCLES; cycle = cycle + 1) begin
          @(negedge clk);
          for (column = 0; column < COLUMNS; column = column + 1) begin
            position = cycle - ACC_OUT_DELAY - column;
            filter = block * COLUMNS + column;
            if (position >= 0 && position < POSITIONS && filter < FILTERS) begin
              result = acc_out{{result_slice}};
//if tiled
              if (tile < TILES - 1) begin
                acc[column * POSITIONS + position] = result{{kept_shift}};
              end else begin
//end
//if untiled
              begin
//end
                total = {{result}};
                total = (total << {{result_shift}}) + bias[filter];
                checked = checked + 1;
                if (total !== expected[position * FILTERS + filter]) begin
                  if (failures < 10)
                    $display("position %0d, filter %0d: %0d, expected %0d", position, filter,
                             $signed(total), $signed(expected[position * FILTERS + filter]));
                  failures = failures + 1;
                end
              end
            end
          end
//if tiled_x
          position = cycle - X_OUT_DELAY;
          if (position >= 0 && position < POSITIONS) x_acc[position] = x_acc_out;
          position = cycle - X_IN_DELAY;
          next_x_acc_in = tile > 0 && position >= 0 && position < POSITIONS ? x_acc[position] : 0;
//end
          for (row = 0; row < ROWS; row = row + 1) begin
            position = cycle - row;
            index = tile * ROWS + row;
            next_a_in[8*row +: 8] = PADDING;
            if (position >= 0 && position < POSITIONS && index < DEPTH)
              next_a_in[8*row +: 8] = activations[position * DEPTH + index];
          end
//if tiled
          for (column = 0; column < COLUMNS; column = column + 1) begin
            position = cycle - ACC_IN_DELAY - column;
            next_acc_in{{acc_slice}} = tile > 0 && position >= 0 && position < POSITIONS
                ? acc[column * POSITIONS + position] : 0;
          end
//end
        end
      end
    end
    if (failures != 0 || checked != POSITIONS * FILTERS)
      $fatal(1, "FAIL: %0d of %0d accumulators differ", failures, checked);
    $display("PASS: %0d accumulators equal the emulator's", checked);
    $finish;
  end
endmodule
