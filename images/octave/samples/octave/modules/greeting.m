function text = greeting()
  text = "Hello, module!";
end
