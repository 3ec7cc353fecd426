my $server = IO::Socket::INET.new: :localhost<localhost>, :localport(8080), :listen;
my $client = IO::Socket::INET.new: :host<localhost>, :port(8080);
$server.accept.print: "Hello, localhost!\n";
say $client.get;
