def greeting
  "Hello, module!"
end
