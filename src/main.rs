//! The `rebsim` binary.

/// Every run builds its world anew: with this allocator short runs and those of large groups take a sixth to a fifth less time (`docs/performance.md`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    rebsim::cli::main()
}
