//! Announces one service or browses with mdns-sd until it is asked to end:
//! `announce INSTANCE HOST PORT ADDRESS END` or `browse ADDRESS END`, both of `_ipp._tcp`. It ends
//! when the file `END` is there: the crate has no signals.

use mdns_sd::{ServiceDaemon, ServiceEvent, ServiceInfo};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

const KIND: &str = "_ipp._tcp.local.";
const PATIENCE: Duration = Duration::from_secs(3);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let daemon = ServiceDaemon::new().expect("it starts");
    match arguments[..] {
        ["announce", instance, host, port, address, end] => {
            let host = format!("{host}.local.");
            let port = port.parse().expect("a port");
            let properties = [("id", address)];
            let info = ServiceInfo::new(KIND, instance, &host, address, port, &properties[..])
                .expect("a service");
            let name = info.get_fullname().to_owned();
            daemon.register(info).expect("it runs");
            println!("announced {name}");
            wait_for(end);
            let done = daemon.unregister(&name).expect("it runs");
            // Under another name, after a conflict, it is not known by this one.
            let _ = done.recv_timeout(PATIENCE);
        }
        ["browse", _, end] => {
            let events = daemon.browse(KIND).expect("it runs");
            while !Path::new(end).exists() {
                match events.recv_timeout(Duration::from_millis(100)) {
                    Ok(ServiceEvent::ServiceResolved(found)) => {
                        let (name, port) = (&found.fullname, found.port);
                        println!("found {name} {:?} {port}", found.addresses);
                    }
                    Ok(ServiceEvent::ServiceRemoved(_, name)) => println!("lost {name}"),
                    Ok(_) | Err(_) => {}
                }
            }
        }
        _ => panic!("announce INSTANCE HOST PORT ADDRESS END | browse ADDRESS END"),
    }
    let stopped = daemon.shutdown().expect("it runs");
    let _ = stopped.recv_timeout(PATIENCE);
}

fn wait_for(end: &str) {
    while !Path::new(end).exists() {
        sleep(Duration::from_millis(100));
    }
}
