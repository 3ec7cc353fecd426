exports.greeting = -> "Hello, module!"
