entity main is
end entity;

architecture simulation of main is
begin
  work.helper.greet;
end architecture;
