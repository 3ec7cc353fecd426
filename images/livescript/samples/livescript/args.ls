for argument in process.argv.slice 3
  console.log argument
