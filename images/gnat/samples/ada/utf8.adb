with Ada.Text_IO;

procedure Main is
begin
   Ada.Text_IO.Put_Line ("Größe 日本");
   Ada.Text_IO.Put_Line (Ada.Text_IO.Get_Line);
end Main;
