# Ruby's stdout on a pipe as on a terminal; loaded by RUBYOPT.
$stdout.sync = true
