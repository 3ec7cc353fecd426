program terminal;
var
    name: string;
begin
    write('name? ');
    readln(name);
    writeln('Hello, ', name, '!');
end.
