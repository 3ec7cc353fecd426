proc greeting*(): string =
  "Hello, module!"
