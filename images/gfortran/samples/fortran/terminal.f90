program greet
  character(80) :: name
  write (*, '(a)', advance='no') 'name? '
  read '(a)', name
  print '(3a)', 'Hello, ', trim(name), '!'
end program
