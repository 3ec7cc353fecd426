module main;
  reg [8*80:1] line;
  integer got;
  initial begin
    $display("Größe 日本");
    got = $fgets(line, 32'h8000_0000);
    $write("%0s", line);
  end
endmodule
