//! `stale` answers the stale page when its file is missing, as it prints.

use std::fs;
use std::path::Path;

use crate::program::{Answer, Program, start};

fn is_stale(answer: &Answer) -> bool {
    let status = answer.header("cache-status");
    status.contains("fwd=stale; fwd-status=503; detail=stale-if-error")
}

#[test]
fn a_page_outlives_its_file() {
    let program = Program::announced_in(start("stale", Some("0")), 3);
    let words: Vec<_> = program.printed[1].split_whitespace().collect();
    let ["then:", "mv", file, away, ..] = words[..] else {
        panic!("{:?}", program.printed);
    };
    let (file, away) = (Path::new(file), Path::new(away.trim_end_matches(';')));
    let live = program.get("/menu");
    assert!(live.is_live() && live.body.starts_with("Mezze"), "{live:?}");

    fs::rename(file, away).expect("it is there");
    let stale = program.get_until("/menu", "it is answered stale", is_stale);
    assert_eq!(stale.status, "HTTP/1.1 200 OK");
    assert_eq!(stale.body, live.body);

    fs::write(file, "Soup, 5.00").expect("written");
    let fresh = program.get_until("/menu", "it recovers", |answer| answer.body != live.body);
    assert_eq!(fresh.body, "Soup, 5.00");
    for made in [file, away] {
        fs::remove_file(made).expect("it is there");
    }
}
