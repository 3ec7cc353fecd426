let () =
  print_string "name? ";
  let name = read_line () in
  Printf.printf "Hello, %s!\n" name
