//! Announces one service with libmdns until it is asked to end: `announce INSTANCE HOST PORT
//! ADDRESS END`, of `_ipp._tcp`. It ends when the file `END` is there: the crate has no signals. The
//! host is called what the system calls it. The crate has no browser.

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ["announce", instance, _, port, address, end] = arguments[..] else {
        panic!("announce INSTANCE HOST PORT ADDRESS END");
    };
    let responder = libmdns::Responder::new();
    let port = port.parse().expect("a port");
    let service = responder.register("_ipp._tcp", instance, port, &[&format!("id={address}")]);
    println!("announced {instance}");
    while !Path::new(end).exists() {
        sleep(Duration::from_millis(100));
    }
    // Says goodbye; its thread sends that.
    drop(service);
    sleep(Duration::from_millis(500));
}
