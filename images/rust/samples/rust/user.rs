use std::env;
use std::fs;

fn main() {
    let home = env::var("HOME").unwrap();
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let user = users.lines().find(|line| line.split(':').nth(5) == Some(&home)).unwrap();
    println!("{} {}", user.split(':').next().unwrap(), home);
}
