read --prompt-str "name? " name
echo "Hello, $name!"
