program echo
  character(80) :: line
  read '(a)', line
  print '(a)', trim(line)
end program
