(echo "Hello, World!")
