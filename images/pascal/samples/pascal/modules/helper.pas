unit Helper;

interface

function Greeting: string;

implementation

function Greeting: string;
begin
  Greeting := 'Hello, module!';
end;

end.
