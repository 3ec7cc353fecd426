for (const argument of scriptArgs.slice(1)) {
  console.log(argument);
}
