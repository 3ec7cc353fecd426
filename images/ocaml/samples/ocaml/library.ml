let () =
  let numbers = List.map int_of_string Str.(split (regexp "[, ]+") "6, 7") in
  Printf.printf "%d\n" (List.fold_left ( * ) 1 numbers)
