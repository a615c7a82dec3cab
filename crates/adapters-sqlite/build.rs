//! The migrations are embedded: the crate is built anew when they change.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations/sqlite");
}
