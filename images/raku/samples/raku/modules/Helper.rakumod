unit module Helper;

sub greeting is export { "Hello, module!" }
