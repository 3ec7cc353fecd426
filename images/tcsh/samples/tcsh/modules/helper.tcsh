alias greeting "echo 'Hello, module\!'"
