exports.greeting = () => "Hello, module!";
