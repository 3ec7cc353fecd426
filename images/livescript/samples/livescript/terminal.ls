require! readline

terminal = readline.create-interface input: process.stdin, output: process.stdout
name <- terminal.question "name? "
console.log "Hello, #{name}!"
terminal.close!
