program echo
  character(80) :: line
  print '(a)', "Größe 日本"
  read '(a)', line
  print '(a)', trim(line)
end program
