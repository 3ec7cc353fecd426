let () = Array.iteri (fun i argument -> if i > 0 then print_endline argument) Sys.argv
