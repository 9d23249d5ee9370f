// Testbench: {{filters}} filters of {{depth}} products at {{positions}} positions, {{source}},
// with other weights {{loads}} times;
// expected accumulators (acc* of the emulator) in expected.hex.
module tb;
  localparam integer ROWS = {{rows}};
  localparam integer COLUMNS = {{columns}};
  // Products of a PE, columns that are in step, and rows of PEs.
  localparam integer PRODUCTS = {{products}};
  localparam integer SHARED = {{shared}};
  localparam integer STEPS = ROWS / PRODUCTS;
  localparam integer DEPTH = {{depth}};
  localparam integer FILTERS = {{filters}};
  localparam integer POSITIONS = {{positions}};
  localparam integer LOADS = {{loads}};
  localparam integer TILES = {{tiles}};
  localparam integer BLOCKS = {{blocks}};
  localparam integer CYCLES = {{cycles}};
//if made
  // The row of PEs whose weights come first, and how long the last tile waits for its constants.
  localparam integer FIRST = {{first}};
  localparam integer WAIT = {{wait}};
//end
//if tiled
  localparam integer ACC_IN_DELAY = {{acc_in_delay}};
//end
  localparam integer ACC_OUT_DELAY = {{acc_out_delay}};
//if tiled_x
  localparam integer X_IN_DELAY = {{x_in_delay}};
  localparam integer X_OUT_DELAY = {{x_out_delay}};
//end
  localparam integer PADDING = {{padding}};
//if idle
  localparam integer SETTLING = {{settling}};
//end

  reg clk = 1'b0;
  always #5 clk = !clk;
{{signals}}
  always @(posedge clk) begin
{{registers}}
  end
  array dut ({{connections}});

  reg [7:0] weights [0:LOADS*FILTERS*DEPTH-1];
  reg [7:0] activations [0:LOADS*POSITIONS*DEPTH-1];
  reg [31:0] bias [0:LOADS*FILTERS-1];
  reg [31:0] expected [0:LOADS*POSITIONS*FILTERS-1];
//if c
  reg{{c_range}} c [0:LOADS*FILTERS-1];
//end
//if c0
  reg{{c0_range}} c0 [0:LOADS*FILTERS-1];
//end
//if made_g
  reg{{g_range}} g [0:7];
//end
//if made_bits
  reg{{m_range}} m [0:7];
//end
//if made_x
  reg{{x0_range}} x0 [0:0];
//end
//if made
  reg [31:0] sum_w [0:LOADS*FILTERS-1];
  reg{{sum_w_range}} own_sum_w;
  integer made_column, sums_checked;
//end
//if made_c0
  // What a controller adds with the bias.
  reg{{made_c0_range}} c0_of [0:COLUMNS-1];
  integer own_c0;
//end
//if tiled
  // What a controller keeps from tile to tile.
  reg{{acc_range}} acc [0:COLUMNS*POSITIONS-1];
//end
//if tiled_x
  reg{{x_range}} x_acc [0:POSITIONS-1];
//end
  integer image, block, tile, step, cycle, row, column, product, position, filter, index;
  // Rows of PEs at the top that the tile does not use, if these stand still.
  integer idle;
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
//if made_g
    $readmemh("g.hex", g);
//end
//if made_bits
    $readmemh("m.hex", m);
//end
//if made_x
    $readmemh("x0.hex", x0);
//end
//if made
    $readmemh("sum_w.hex", sum_w);
    sums_checked = 0;
//end
    checked = 0;
    failures = 0;
//if path
    // What makes constants has no reset.
    repeat ({{latency}}) @(negedge clk);
//end
//if made_layer
    for (step = 0; step < 8; step = step + 1) begin
      @(negedge clk);
      next_layer_load = 1'b1;
//end
//if made_g
      next_g_in = g[7 - step];
//end
//if made_bits
      next_m_in = m[7 - step];
//end
//if made_x
      next_x0_in = x0[0];
//end
//if made_layer
    end
    @(negedge clk) next_layer_load = 1'b0;
//end
    for (image = 0; image < LOADS; image = image + 1)
    for (block = 0; block < BLOCKS; block = block + 1) begin
//if constants
      for (step = 0; step < COLUMNS; step = step + 1) begin
        @(negedge clk);
        next_c_load = 1'b1;
        filter = block * COLUMNS + COLUMNS - 1 - step;
//end
//if c
        next_c_in = filter < FILTERS ? c[image * FILTERS + filter] : 0;
//end
//if c0
        next_c0_in = filter < FILTERS ? c0[image * FILTERS + filter] : 0;
//end
//if constants
      end
      @(negedge clk) next_c_load = 1'b0;
//end
//if idle
      for (column = 0; column < COLUMNS; column = column + SHARED)
        next_column_on{{of_group}} = block * COLUMNS + column < FILTERS;
//end
      for (tile = 0; tile < TILES; tile = tile + 1) begin
        idle = 0;
//if idle
        if (DEPTH < (tile + 1) * ROWS) idle = STEPS - (DEPTH - tile * ROWS + PRODUCTS - 1) / PRODUCTS;
        next_row_on = {STEPS{1'b1}};
//end
        for (step = 0; step < STEPS; step = step + 1) begin
          @(negedge clk);
          next_load = 1'b1;
          row = STEPS - 1 - step - idle;
//if made
          next_first = tile == 0 && row == FIRST;
//end
          for (product = 0; product < PRODUCTS; product = product + 1) begin
            index = row < 0 ? DEPTH : (tile * STEPS + row) * PRODUCTS + product;
//if made
            next_count{{of_product}} = index < DEPTH;
//end
            for (column = 0; column < COLUMNS; column = column + 1) begin
              filter = block * COLUMNS + column;
              next_w_in[8*(PRODUCTS*column+product) +: 8] =
                  filter < FILTERS && index < DEPTH
                      ? weights[(image * FILTERS + filter) * DEPTH + index] : 8'd0;
            end
          end
        end
        @(negedge clk) next_load = 1'b0;
//if made
        next_count = 0;
        made_column = COLUMNS;
//end
//if tiled_v
        next_last = tile == TILES - 1;
//end
//if made
        for (cycle = tile == TILES - 1 ? -WAIT : 0; cycle < CYCLES; cycle = cycle + 1) begin
//end
//if given
        for (cycle = 0; cycle < CYCLES; cycle = cycle + 1) begin
//end
          @(negedge clk);
//if made
          next_make = tile == TILES - 1 && cycle + WAIT < COLUMNS;
          if (made) begin
            made_column = made_column - 1;
            filter = block * COLUMNS + made_column;
//end
//if made_c0
            c0_of[made_column] = made_c0;
//end
//if made
            if (filter < FILTERS) begin
              own_sum_w = sum_w[image * FILTERS + filter];
              sums_checked = sums_checked + 1;
              if (made_sum_w !== own_sum_w) begin
                if (failures < 10)
                  $display("sum of the weights of filter %0d: %0d, expected %0d", filter,
                           made_sum_w, own_sum_w);
                failures = failures + 1;
              end
            end
          end
//end
          for (column = 0; column < COLUMNS; column = column + 1) begin
            position = cycle - ACC_OUT_DELAY - column / SHARED;
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
                total = (total << {{result_shift}}) + bias[image * FILTERS + filter];
//if made_c0
                own_c0 = {{made_c0_value}};
                total = total + own_c0;
//end
                index = (image * POSITIONS + position) * FILTERS + filter;
                checked = checked + 1;
                if (total !== expected[index]) begin
                  if (failures < 10)
                    $display("position %0d, filter %0d: %0d, expected %0d", position, filter,
                             $signed(total), $signed(expected[index]));
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
            position = cycle - row / PRODUCTS;
            index = tile * ROWS + row - idle * PRODUCTS;
            next_a_in[8*row +: 8] = PADDING;
            if (position >= 0 && position < POSITIONS && index >= tile * ROWS && index < DEPTH)
              next_a_in[8*row +: 8] = activations[(image * POSITIONS + position) * DEPTH + index];
          end
//if idle
          for (row = 0; row < STEPS; row = row + 1)
            next_row_on{{of_row}} = row >= idle || cycle < SETTLING;
//end
//if tiled
          for (column = 0; column < COLUMNS; column = column + 1) begin
            position = cycle - ACC_IN_DELAY - column / SHARED;
            next_acc_in{{acc_slice}} = tile > 0 && position >= 0 && position < POSITIONS
                ? acc[column * POSITIONS + position] : 0;
          end
//end
        end
      end
    end
//if made
    if (sums_checked != LOADS * FILTERS) failures = failures + 1;
//end
    if (failures != 0 || checked != LOADS * POSITIONS * FILTERS)
      $fatal(1, "FAIL: %0d of %0d accumulators differ", failures, checked);
    $display("PASS: %0d accumulators equal the emulator's", checked);
    $finish;
  end
endmodule
