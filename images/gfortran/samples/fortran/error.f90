program broken
  error stop "broken"
end program
