program main
  call greet()
end program
