use std.textio.all;

entity main is
end entity;

architecture simulation of main is
begin
  process
    variable text : line;
  begin
    readline(input, text);
    writeline(output, text);
    wait;
  end process;
end architecture;
