with Ada.Text_IO;

procedure Stdin is
begin
   Ada.Text_IO.Put_Line (Ada.Text_IO.Get_Line);
end Stdin;
