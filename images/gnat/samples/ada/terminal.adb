with Ada.Text_IO;

procedure Main is
begin
   Ada.Text_IO.Put ("name? ");
   Ada.Text_IO.Put_Line ("Hello, " & Ada.Text_IO.Get_Line & "!");
end Main;
