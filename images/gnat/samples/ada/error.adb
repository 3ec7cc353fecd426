procedure Main is
begin
   raise Program_Error with "broken";
end Main;
