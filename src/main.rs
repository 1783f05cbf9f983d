//! The `baysor` program.

fn main() -> std::process::ExitCode {
    baysor::cli::main()
}
