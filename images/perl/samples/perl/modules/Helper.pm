package Helper;

sub greeting { return "Hello, module!" }

1;
