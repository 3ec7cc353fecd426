read -rp "name? " name
echo "Hello, $name!"
