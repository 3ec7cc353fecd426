echo 'Hello, World\!'
