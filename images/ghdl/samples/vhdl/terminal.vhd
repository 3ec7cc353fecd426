use std.textio.all;

entity main is
end entity;

architecture simulation of main is
begin
  process
    variable name : line;
  begin
    write(output, "name? ");
    flush(output);
    readline(input, name);
    write(output, "Hello, " & name.all & "!" & LF);
    wait;
  end process;
end architecture;
