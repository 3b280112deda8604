//! The example `reqwest_client`, with nginx on the other side.

mod support;

#[test]
fn pages_are_fetched_whole_and_from_the_right_host() {
    support::web::is_a_client(env!("CARGO_BIN_EXE_reqwest_client"));
}
