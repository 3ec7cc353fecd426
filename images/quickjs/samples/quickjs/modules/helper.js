export const greeting = () => "Hello, module!";
