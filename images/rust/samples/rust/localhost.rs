use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

fn main() {
    let server = TcpListener::bind("localhost:8080").unwrap();
    let client = TcpStream::connect("localhost:8080").unwrap();
    server.accept().unwrap().0.write_all(b"Hello, localhost!\n").unwrap();
    let mut line = String::new();
    BufReader::new(client).read_line(&mut line).unwrap();
    print!("{line}");
}
