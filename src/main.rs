//! The `rebsim` binary.

fn main() -> std::process::ExitCode {
    rebsim::cli::main()
}
