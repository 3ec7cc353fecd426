program Broken;
begin
  Nothing;
end.
