//! Compiles `drover/v1/*.proto` without an installed `protoc`.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message as _;

const FILES: [&str; 6] = [
    "drover/v1/job.proto",
    "drover/v1/job_service.proto",
    "drover/v1/node_service.proto",
    "drover/v1/agent_service.proto",
    "drover/v1/policy_service.proto",
    "drover/v1/trace_service.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=drover");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let descriptors = protox::compile(FILES, ["."])?;
    let encoded = descriptors.encode_to_vec();
    fs::write(out.join("drover.bin"), &encoded)?;
    tonic_prost_build::configure()
        .bytes(".")
        .btree_map(".")
        .compile_well_known_types(true)
        .extern_path(".google.protobuf", "::pbjson_types")
        .compile_fds(descriptors)?;
    pbjson_build::Builder::new()
        .register_descriptors(&encoded)?
        .preserve_proto_field_names()
        .btree_map([".drover.v1"])
        .build(&[".drover.v1"])?;
    Ok(())
}
