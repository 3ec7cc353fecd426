mod helper;

fn main() {
    println!("{}", helper::greeting());
}
