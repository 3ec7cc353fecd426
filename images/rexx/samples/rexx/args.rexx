do i = 1 to words(arg(1))
  if i = 1 then say word(arg(1), 1)
end
say subword(arg(1), 2)
