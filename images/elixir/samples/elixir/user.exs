{name, 0} = System.cmd("whoami", [])
IO.puts("#{String.trim(name)} #{System.user_home()}")
