//! Answers of a store that are cut anywhere, or altered anywhere.

use tests::nodes::{Node, RunInfo};
use tests::proxy::Mode;
use tests::stage::eventually;

use crate::setting::{Setting, start};

/// Beyond the answer to a look-up with all its commands.
const LONGEST: usize = 4 << 10;

/// Does this to the answers at each place of them, and asks: the answer is right, and from then on the store is used
/// again. Ends where a look-up's answers have ended.
fn sweep(mode: fn(usize) -> Mode) {
    let setting = Setting::start();
    let proxy = setting.proxy();
    let node = start(&setting.behind(&proxy, "a").without_memory());
    let first = setting.put(&node, "/page/p");
    let mut untouched = 0;
    for place in 0..LONGEST {
        is_used(&node);
        let accepted = proxy.accepted();
        proxy.set(mode(place));
        let response = node.get("/page/p");
        proxy.set(Mode::Pass);
        assert_eq!(response.status(), 200, "{place}");
        let info: RunInfo = response.text().parse().unwrap();
        assert_eq!(
            (info.page.as_str(), info.version),
            ("p", first.version),
            "{place}"
        );
        let hit = response.header("age").is_some();
        untouched = if hit && proxy.accepted() == accepted {
            untouched + 1
        } else {
            0
        };
        if untouched > 100 {
            return;
        }
    }
    panic!("the answers to one look-up are longer than {LONGEST} octets");
}

/// Waits until the store answers for this page.
fn is_used(node: &Node) {
    eventually("it is answered from the store", || {
        node.get("/page/p").header("age").is_some()
    });
}

#[test]
fn an_answer_that_is_cut_anywhere_is_a_miss() {
    sweep(Mode::CutAfter);
}

#[test]
fn an_answer_that_is_altered_anywhere_is_a_miss_or_right() {
    sweep(Mode::Corrupt);
}
