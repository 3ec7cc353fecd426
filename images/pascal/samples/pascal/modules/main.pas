program Main;
uses
  Helper;
begin
  WriteLn(Greeting);
end.
