module main;
  initial $display("unfinished"
endmodule
