fn greeting {
  echo "Hello, module!"
}
