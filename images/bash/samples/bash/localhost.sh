perl -MIO::Socket::IP -e '
    $server = IO::Socket::IP->new(LocalHost => "localhost", LocalPort => 8080, Listen => 1) or die $@;
    print {$server->accept} "Hello, localhost!\n"' &
perl -MIO::Socket::IP -e '
    $client = IO::Socket::IP->new(PeerHost => "localhost", PeerPort => 8080)
        or select undef, undef, undef, 0.01 until $client;
    print <$client>'
