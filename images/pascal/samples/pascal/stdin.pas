program Echo;
var
  Line: string;
begin
  ReadLn(Line);
  WriteLn(Line);
end.
