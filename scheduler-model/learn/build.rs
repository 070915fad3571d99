//! Programs and tests of this crate find libtorch where they were linked to it, without a variable.

use std::{env, path::Path};

fn main() {
    println!("cargo::rerun-if-env-changed=LIBTORCH");
    let libtorch = env::var_os("LIBTORCH").expect("set in .cargo/config.toml");
    let libraries = Path::new(&libtorch).join("lib");
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{}", libraries.display());
    }
}
