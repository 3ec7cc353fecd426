let greeting () = "Hello, module!"
