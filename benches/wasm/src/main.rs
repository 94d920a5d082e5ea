//! Builds the module and says how large it is: `cargo run --release --manifest-path benches/wasm/Cargo.toml`.
//!
//! Ends with 1 if the module imports anything: the core needs nothing from its host.

use flate2::{Compression, write::GzEncoder};
use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::process::{Command, ExitCode};
use wasmparser::{Parser, Payload};

const TARGET: &str = "wasm32-unknown-unknown";

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = package.join("target").join("wasm");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--locked", "--release", "--lib", "--target", TARGET, "--manifest-path"])
        .arg(package.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&folder)
        .status()?;
    if !built.success() {
        return Err("the module could not be built".into());
    }
    let module = std::fs::read(folder.join(TARGET).join("release/kiloclaw_lifecycle_wasm.wasm"))?;
    let imports = imports(&module)?;
    println!("| {TARGET}, size optimised | |\n|---|---:|");
    println!("| raw | {:.0} KiB |", kib(module.len()));
    println!("| gzip | {:.0} KiB |", kib(zipped(&module)?));
    println!("| imports | {} |", imports.len());
    imports.iter().for_each(|import| eprintln!("imported: {import}"));
    Ok(if imports.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn imports(module: &[u8]) -> Result<Vec<String>, Box<dyn Error>> {
    let mut imports = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::ImportSection(section) = payload? {
            for import in section.into_imports() {
                let import = import?;
                imports.push(format!("{}.{}", import.module, import.name));
            }
        }
    }
    Ok(imports)
}

fn zipped(module: &[u8]) -> Result<usize, std::io::Error> {
    let mut zip = GzEncoder::new(Vec::new(), Compression::best());
    zip.write_all(module)?;
    Ok(zip.finish()?.len())
}

fn kib(bytes: usize) -> f64 {
    bytes as f64 / 1024.0
}
