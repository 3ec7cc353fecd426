use std::collections::BTreeMap;
use std::sync::mpsc;
use std::thread;

fn main() {
    let (sender, receiver) = mpsc::channel();
    let numbers = BTreeMap::from([("a", 6), ("b", 7)]);
    thread::spawn(move || numbers.into_values().for_each(|number| sender.send(number).unwrap()));
    println!("{}", receiver.iter().product::<i32>());
}
