let () =
  let user = Unix.(getpwuid (getuid ())) in
  Printf.printf "%s %s\n" user.pw_name user.pw_dir
