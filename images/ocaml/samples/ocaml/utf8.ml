let () =
  print_endline "Größe 日本";
  print_endline (read_line ())
