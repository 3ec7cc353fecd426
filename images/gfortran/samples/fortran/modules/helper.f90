subroutine greet()
  print '(a)', "Hello, module!"
end subroutine
