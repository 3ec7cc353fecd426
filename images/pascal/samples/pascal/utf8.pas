program Echo;
var
  Line: string;
begin
  WriteLn('Größe 日本');
  ReadLn(Line);
  WriteLn(Line);
end.
