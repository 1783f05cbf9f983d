//! The `baysor` program.

fn main() {}
