module main;
  reg [8*80:1] name;
  integer got;
  initial begin
    $write("name? ");
    $fflush;
    got = $fscanf(32'h8000_0000, "%s", name);
    $display("Hello, %0s!", name);
  end
endmodule
