//! `fleet`, with the redis-server that it starts.

use super::example;
use super::peers::{peers, run};

#[test]
fn exactly_one_of_three_takes_what_is_replayed() {
    let Some([_]) = peers(["redis-server"]) else { return };
    let said = run(&mut example("fleet"));
    assert_eq!(said.matches(": Accepted").count(), 1, "{said}");
    assert_eq!(said.matches(": Rejected(Replayed)").count(), 2, "{said}");
    assert_eq!(said.matches(", resumed: here you are").count(), 2, "{said}");
}
