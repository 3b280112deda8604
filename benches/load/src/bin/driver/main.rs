//! Measures this library's server under load beside tokio-rustls's: `benches/load/run`
//! builds them and calls this.

mod bar;
mod load;
mod plan;
mod results;
mod server;
mod table;

use handfast_load::{Failure, NAME};
use peers_page::{Machine, between};
use results::{Extent, Measured};
use std::path::{Path, PathBuf};

const USAGE: &str = "\
usage: run [options] [words]

Measures the rows whose names have one of the words in them, or all.

  --quick       a fifth of the rounds, and 1,000 idle connections
  --write       renews the section of BENCHMARKS.md: every row
  --only-built  builds nothing";

/// A process has some files of its own.
const OTHER_FILES: usize = 200;

#[derive(Default)]
struct Options {
    quick: bool,
    writes: bool,
    words: Vec<String>,
}

impl Options {
    fn read() -> Result<Self, String> {
        let mut options = Self::default();
        for argument in std::env::args().skip(1) {
            match argument.as_str() {
                "--quick" => options.quick = true,
                "--write" => options.writes = true,
                "--help" | "-h" => return Err(USAGE.into()),
                option if option.starts_with('-') => return Err(format!("no option {option}\n\n{USAGE}")),
                word => options.words.push(word.to_lowercase()),
            }
        }
        if options.writes && !options.words.is_empty() {
            return Err("what is written has every row".into());
        }
        Ok(options)
    }

    fn wants(&self, name: &str) -> bool {
        self.words.is_empty() || self.words.iter().any(|word| name.to_lowercase().contains(word))
    }

    fn extent(&self) -> Extent {
        match self.quick {
            true => Extent { rounds: 4, rounds_idle: 1, seconds: 1, idle: 1_000 },
            false => Extent { rounds: 20, rounds_idle: 3, seconds: 1, idle: 10_000 },
        }
    }
}

fn main() -> Result<(), Failure> {
    let options = Options::read().unwrap_or_else(|text| {
        eprintln!("{text}");
        std::process::exit(2);
    });
    let mut extent = options.extent();
    let files = open_files()?.saturating_sub(OTHER_FILES);
    if files < extent.idle {
        eprintln!("{files} idle connections and not {}: so many files may be open", extent.idle);
        extent.idle = files;
    }
    // The servers stand beside the driver.
    let binaries = std::env::current_exe()?.parent().map(PathBuf::from).ok_or("no folder of its own")?;
    let folder = std::env::temp_dir().join(format!("handfast-load-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    write_certificate(&folder)?;

    let mut measured: Vec<Measured> = Vec::new();
    for row in plan::rows().into_iter().filter(|row| options.wants(row.name)) {
        let is_idle = row.load.is_idle();
        if measured.last().is_none_or(|last| last.row.load.is_idle() != is_idle) {
            print!("\n{}", table::head(is_idle));
        }
        let row = Measured::new(row, &extent, &binaries, &folder);
        print!("{}", table::lines(&row));
        measured.push(row);
    }
    std::fs::remove_dir_all(&folder)?;
    let (bar, left_out) = (table::bar(&bar::reached(&measured)), table::left_out(&measured));
    println!("\n{bar}\n{left_out}");
    if options.writes {
        write(&options, &measured, &bar, &left_out)?;
    }
    Ok(())
}

/// Renews what stands between the markers of this bench; benches/peers has its own.
fn write(options: &Options, measured: &[Measured], bar: &str, left_out: &str) -> Result<(), Failure> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../BENCHMARKS.md");
    let command = if options.quick { "benches/load/run --write --quick" } else { "benches/load/run --write" };
    let Machine { processor, system, date } = Machine::this();
    let table = |is_idle| {
        let rows = measured.iter().filter(|row| row.row.load.is_idle() == is_idle);
        table::head(is_idle) + &rows.map(table::lines).collect::<String>()
    };
    let text = format!(
        "{processor}; {system}; {date}; `{command}`\n\n{bar}\n{}\n{}\n{left_out}",
        table(false),
        table(true)
    );
    let renewed = between(&std::fs::read_to_string(&page)?, "load", &text)?;
    Ok(std::fs::write(page, renewed)?)
}

/// A certificate that signs itself: what a client makes of it is not measured.
fn write_certificate(folder: &Path) -> Result<(), Failure> {
    let key = rcgen::KeyPair::generate()?;
    let certificate = rcgen::CertificateParams::new([NAME.to_owned()])?.self_signed(&key)?;
    std::fs::write(folder.join("chain.pem"), certificate.pem())?;
    std::fs::write(folder.join("key.pem"), key.serialize_pem())?;
    Ok(())
}

/// How many files this process, and whom it starts, may have open.
fn open_files() -> Result<usize, Failure> {
    let limits = std::fs::read_to_string("/proc/self/limits")?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next()).ok_or("no limit of open files")?;
    Ok(if soft == "unlimited" { usize::MAX } else { soft.parse()? })
}
