module helper;
  initial $display("Hello, module!");
endmodule
