package Helper is
   function Greeting return String;
end Helper;
