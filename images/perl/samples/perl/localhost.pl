use strict;
use warnings;
use IO::Socket::IP;

my $server = IO::Socket::IP->new(LocalHost => 'localhost', LocalPort => 8080, Listen => 1) or die $@;
my $client = IO::Socket::IP->new(PeerHost => 'localhost', PeerPort => 8080) or die $@;
print { $server->accept } "Hello, localhost!\n";
print scalar <$client>;
