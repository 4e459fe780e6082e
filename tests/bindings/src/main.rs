//! Writes the declarations of httpd and APR that `mod_narthex` uses, made from their headers.
//!
//! What it uses is what its sources name behind `ffi::`, and what that consists of.

use std::{
    collections::BTreeSet,
    env, fs, io,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

fn main() -> ExitCode {
    match declarations() {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn declarations() -> Result<String, Box<dyn std::error::Error>> {
    let module = PathBuf::from(env::args_os().nth(1).ok_or("which folder has the module?")?);
    let mut names = BTreeSet::new();
    collect(&module.join("src"), &mut names)?;
    let mut builder = bindgen::Builder::default()
        .header(module.join("httpd.h").to_string_lossy())
        .rust_edition(bindgen::RustEdition::Edition2024)
        .rust_target(bindgen::RustTarget::stable(88, 0).map_err(|error| error.to_string())?)
        .formatter(bindgen::Formatter::Prettyplease)
        .generate_comments(false)
        .disable_header_comment()
        .raw_line(
            "//! The declarations of httpd and APR that the module uses, made from their headers.",
        )
        .raw_line("//!")
        .raw_line("//! After a use of another one, `tests/bindings/run --write`.")
        .clang_args(arguments()?);
    for name in names {
        builder = builder.allowlist_item(name);
    }
    Ok(builder.generate()?.to_string())
}

/// The names that the sources in a folder have behind `ffi::`.
fn collect(folder: &Path, names: &mut BTreeSet<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, names)?;
        } else if path.file_name().is_some_and(|name| name != "ffi.rs") {
            let text = fs::read_to_string(&path)?;
            let named = text.split("ffi::").skip(1).map(|rest| {
                let letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
                rest.split(|other| !letter(other)).next().unwrap_or_default().to_owned()
            });
            names.extend(named.filter(|name| !name.is_empty()));
        }
    }
    Ok(())
}

/// What the compiler of an httpd module is told, and where the headers of the C compiler are.
fn arguments() -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let said = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output();
        let output = output.map_err(|error| format!("{program}: {error}"))?;
        Ok::<_, Box<dyn std::error::Error>>(String::from_utf8(output.stdout)?.trim().to_owned())
    };
    let mut arguments = vec![format!("-I{}", said("apxs2", &["-q", "includedir"])?)];
    let apr = said("apr-1-config", &["--includes", "--cppflags"])?;
    arguments.extend(apr.split_whitespace().map(str::to_owned));
    arguments.push(format!("-I{}", said("gcc", &["-print-file-name=include"])?));
    Ok(arguments)
}
