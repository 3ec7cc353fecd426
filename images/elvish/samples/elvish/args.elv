for argument $args {
  echo $argument
}
