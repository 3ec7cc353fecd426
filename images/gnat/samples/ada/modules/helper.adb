package body Helper is
   function Greeting return String is
   begin
      return "Hello, module!";
   end Greeting;
end Helper;
