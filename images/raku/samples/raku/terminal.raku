my $name = prompt "name? ";
say "Hello, $name!";
