//! The `drover` program.

/// A coordinator allocates and frees millions of small rows and messages a second from several threads; with glibc's
/// allocator that was a quarter of its time.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    drover_cli::main()
}
