//! Builds `data/common_passwords.fst` from `data/common_passwords.txt`.
//!
//! `cargo run -p domain --example build_password_blocklist`

use std::{fs, io::BufWriter, path::Path};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let text = fs::read_to_string(data.join("common_passwords.txt"))?;
    let file = BufWriter::new(fs::File::create(data.join("common_passwords.fst"))?);
    let mut set = fst::SetBuilder::new(file)?;
    // The text is in byte order, as the set needs it.
    for password in text.lines() {
        set.insert(password)?;
    }
    set.finish()?;
    Ok(())
}
