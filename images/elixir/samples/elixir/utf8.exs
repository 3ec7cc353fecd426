IO.puts("Größe 日本")
IO.write(IO.gets(""))
