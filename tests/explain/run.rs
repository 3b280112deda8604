//! Running the tool.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// What a run gave.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// Both outputs must hold each of these.
    #[track_caller]
    pub(crate) fn says(&self, all: &[&str]) -> &Self {
        for each in all {
            assert!(
                self.out.contains(each) || self.err.contains(each),
                "{each:?} is missing in\n{}{}",
                self.out,
                self.err
            );
        }
        self
    }

    #[track_caller]
    pub(crate) fn code(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        self
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap()
    }
}

pub(crate) fn explain(arguments: &[&str]) -> Ran {
    run(Command::new(env!("CARGO_BIN_EXE_handfast")).arg("explain").args(arguments))
}

/// The same for a terminal of so many columns.
pub(crate) fn explain_in(columns: usize, arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handfast"));
    run(command.arg("explain").args(arguments).env("COLUMNS", columns.to_string()))
}

/// Another command than `explain`.
pub(crate) fn handfast(arguments: &[&str]) -> Ran {
    run(Command::new(env!("CARGO_BIN_EXE_handfast")).args(arguments))
}

pub(crate) fn run(command: &mut Command) -> Ran {
    for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "HANDFAST_PASSWORD"] {
        command.env_remove(variable);
    }
    let Output { status, stdout, stderr } = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: status.code(), out: text(stdout), err: text(stderr) }
}

/// A fresh folder for a test's files.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder =
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("explain-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// A file in it.
pub(crate) fn file(folder: &std::path::Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}
