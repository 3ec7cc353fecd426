use strict;
use warnings;

my ($name, $home) = (getpwuid $<)[0, 7];
print "$name $home\n";
