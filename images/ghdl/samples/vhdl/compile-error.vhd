entity main is
end entity;

architecture simulation of main is
begin
  nothing;
end architecture;
