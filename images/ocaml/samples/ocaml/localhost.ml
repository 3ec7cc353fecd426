open Unix

let () =
  let address = (List.hd (getaddrinfo "localhost" "8080" [AI_SOCKTYPE SOCK_STREAM])).ai_addr in
  let server = socket (domain_of_sockaddr address) SOCK_STREAM 0 in
  bind server address;
  listen server 1;
  let input, _ = open_connection address in
  let accepted, _ = accept server in
  ignore (write_substring accepted "Hello, localhost!\n" 0 18);
  print_endline (input_line input)
