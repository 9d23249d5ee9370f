//! The examples run, and give what they promise.

#[path = "../examples/evaluate.rs"]
mod evaluate;
#[path = "../examples/explore.rs"]
mod explore;
#[path = "../examples/own_multiplier.rs"]
mod own_multiplier;

#[test]
fn a_network_on_two_multipliers() {
    evaluate::main().unwrap();
}

#[test]
fn a_multiplier_of_ones_own() {
    own_multiplier::main().unwrap();
}

#[test]
fn the_least_power_under_a_limit() {
    explore::main().unwrap();
}
