//! Which resident answers for a script.

use std::{
    env,
    ffi::OsStr,
    hash::{DefaultHasher, Hash, Hasher},
    os::unix::ffi::OsStrExt,
    path::Path,
};

use narthex_cgi::{FileVersion, SETTINGS, script_file};

use crate::{Variables, arguments::Invocation, python::Python, trouble::Trouble};

/// The name of the resident: another one for each script, and anew when the script, its settings,
/// the interpreter, this program or what configures them changes.
///
/// The user is in the directory's name. No secret: whoever can open the directory may do anything.
pub(crate) fn key(
    program: &Path,
    invocation: &Invocation,
    python: &Python,
    variables: &Variables,
) -> Result<String, Trouble> {
    let file = script_file(&invocation.script);
    let directory = file.parent().filter(|it| !it.as_os_str().is_empty());
    let version = FileVersion::of(&file);
    if version.is_none() && file.components().count() > 1 {
        return Err(Trouble::script(&invocation.script));
    }
    let directory = match directory {
        Some(directory) if directory.is_absolute() => directory.to_owned(),
        relative => {
            let here = env::current_dir().map_err(|_| Trouble::script(&invocation.script))?;
            relative.map_or_else(|| here.clone(), |relative| here.join(relative))
        }
    };
    let settings = SETTINGS.map(|name| FileVersion::of(&directory.join(name)));
    let mut configuration: Vec<_> = variables.iter().filter(|(name, _)| configures(name)).collect();
    configuration.sort_unstable();
    let part = |salt: u8| {
        // Its keys are fixed: each process makes the same of the same.
        let mut hasher = DefaultHasher::new();
        (salt, &invocation.script, &version, &directory, &settings).hash(&mut hasher);
        (invocation.mode, &invocation.options, python, FileVersion::of(program)).hash(&mut hasher);
        configuration.hash(&mut hasher);
        hasher.finish()
    };
    Ok(format!("{:016x}{:016x}", part(0), part(1)))
}

/// Whether a variable changes how an application is run.
fn configures(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.starts_with(b"NARTHEX_") || name.starts_with(b"PYTHON")
}
