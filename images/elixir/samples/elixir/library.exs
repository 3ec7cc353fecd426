[a, b] = JSON.decode!("[6, 7]")
IO.puts(a * b)
