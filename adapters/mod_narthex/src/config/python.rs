//! Environments of Python, and where their interpreter is.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// The interpreter of an environment, which is named by its directory or by the interpreter.
///
/// # Errors
/// What is wrong, and what to write.
pub(super) fn interpreter(path: &Path) -> Result<PathBuf, String> {
    let shown = path.display();
    let Ok(about) = path.metadata() else {
        return Err(format!(
            "there is no {shown}: write the directory of an environment, such as the one that \
             \"python3 -m venv {shown}\" makes"
        ));
    };
    if about.is_dir() {
        let inside = ["bin/python", "bin/python3"].map(|name| path.join(name));
        return inside.into_iter().find(|file| is_program(file)).ok_or_else(|| {
            format!(
                "{shown} is no environment of Python: there is no bin/python in it; \
                 \"python3 -m venv {shown}\" makes one"
            )
        });
    }
    if !is_program(path) {
        return Err(format!(
            "{shown} is no program: write the directory of an environment, or its bin/python"
        ));
    }
    Ok(path.to_owned())
}

/// The environment that a file of the installed package lies in.
pub(super) fn environment_of(file: &Path) -> Option<PathBuf> {
    let file = file.canonicalize().ok()?;
    let packages = |name: &Path| name.ends_with("site-packages") || name.ends_with("dist-packages");
    let folders = file.ancestors().skip_while(|above| !packages(above));
    folders.skip(1).find(|above| is_program(&above.join("bin/python3"))).map(Path::to_owned)
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}
