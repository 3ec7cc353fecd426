name = IO.gets("name? ") |> String.trim()
IO.puts("Hello, #{name}!")
