use std.textio.all;

entity main is
end entity;

architecture simulation of main is
begin
  process
    variable text : line;
  begin
    write(text, string'("Hello, World!"));
    writeline(output, text);
    wait;
  end process;
end architecture;
