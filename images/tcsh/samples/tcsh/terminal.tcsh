printf 'name? '
set name = "$<"
echo "Hello, $name"'\!'
