Code.require_file("helper.exs")
IO.puts(Helper.greeting())
