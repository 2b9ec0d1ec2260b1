//! Link arguments of the library.

fn main() {
    // Hosts close and reopen the library while they reload. Thread-local destructors, and a thread whose
    // request outlives its flush, must never find their code unmapped.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    println!("cargo::rerun-if-changed=build.rs");
}
