use std.textio.all;

package helper is
  procedure greet;
end package;

package body helper is
  procedure greet is
    variable text : line;
  begin
    write(text, string'("Hello, module!"));
    writeline(output, text);
  end procedure;
end package body;
