module main;
  helper helper_instance();
endmodule
