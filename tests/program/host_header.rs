//! Whom a request says that it asks: browsers are answered under names that are this host's alone,
//! everybody else under any.

use crate::support::http::{Answer, ask};
use crate::support::served::Served;

const BROWSERS: [&str; 3] =
    ["Accept-Language: en", "User-Agent: Mozilla/5.0 (X11)", "Sec-Fetch-Site: same-origin"];
const PROMETHEUS: &str = "User-Agent: Prometheus/2.42.0\r\nAccept-Encoding: gzip";

fn asked(program: &Served, version: &str, headers: &[&str]) -> Answer {
    let mut request = format!("GET /api/v1/devices HTTP/{version}\r\nConnection: close\r\n");
    for header in headers {
        request.push_str(header);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    ask(program.address, &request).expect("it listens")
}

fn status(answer: &Answer) -> &str {
    answer.head.split(' ').nth(1).expect("a status")
}

#[test]
fn a_page_from_elsewhere_reads_nothing_and_programs_use_any_name() {
    let program = Served::start(&["demo", "--web.external-url=https://exporter.example.org/lan"]);
    for host in ["exporter.corp.example", "evil.example", "localhost.evil.example:10353"] {
        let host = format!("Host: {host}");
        assert_eq!(status(&asked(&program, "1.1", &[&host, PROMETHEUS])), "200", "{host}");
        assert_eq!(status(&asked(&program, "1.1", &[&host])), "200", "{host}: curl");
        for browser in BROWSERS {
            let answer = asked(&program, "1.1", &[&host, browser]);
            assert_eq!(status(&answer), "421", "{host}, {browser}");
            assert!(answer.head.contains("x-content-type-options: nosniff"), "{}", answer.head);
            assert!(answer.text().contains("--web.external-url"));
        }
    }
    for host in
        ["127.0.0.1:10353", "[::1]:10353", "nas", "nas.local", "exporter.example.org", "localhost"]
    {
        let host = format!("Host: {host}");
        for browser in BROWSERS {
            let answer = asked(&program, "1.1", &[&host, browser]);
            assert_eq!(status(&answer), "200", "{host}, {browser}");
            assert!(answer.head.contains("form-action 'none'"), "{}", answer.head);
        }
    }
}

#[test]
fn a_request_says_once_whom_it_asks() {
    let program = Served::start(&["demo"]);
    assert_eq!(status(&asked(&program, "1.1", &[])), "400");
    assert_eq!(status(&asked(&program, "1.0", &[])), "200");
    assert_eq!(status(&asked(&program, "1.1", &["Host: a", "Host: b"])), "400");
    assert_eq!(status(&asked(&program, "1.1", &["Host: a b"])), "400");
}
