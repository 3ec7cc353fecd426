print "name? ";
chomp(my $name = <STDIN>);
print "Hello, $name!\n";
