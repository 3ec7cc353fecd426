`Hello, World!`
