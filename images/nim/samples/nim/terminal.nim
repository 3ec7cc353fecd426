stdout.write "name? "
echo "Hello, ", stdin.readLine(), "!"
