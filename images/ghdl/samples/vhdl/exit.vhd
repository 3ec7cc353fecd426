entity main is
end entity;

architecture simulation of main is
begin
  process
  begin
    std.env.stop(3);
  end process;
end architecture;
