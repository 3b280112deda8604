//! Measures this library beside others: `benches/peers/run` builds them and calls this.

mod bar;
mod certificates;
mod child;
mod growth;
mod json;
mod markdown;
mod plan;
mod results;
mod svg;
mod terminal;

use peers_page::Machine;
use results::{Extent, Measured};
use std::error::Error;
use std::path::{Path, PathBuf};

const USAGE: &str = "\
usage: run [options] [words]

Measures the rows whose names have one of the words in them, or all.

  --quick       a fifth of the samples
  --json        one object for programs, and no table
  --write       renews BENCHMARKS.md and its plots: every row, and how cost grows
  --only-built  builds nothing

usage: run growth [--quick]

Measures how cost grows, and prints the points of each curve.";

#[derive(Default)]
struct Options {
    quick: bool,
    json: bool,
    /// What `growth` printed: the page is written.
    growth: Option<PathBuf>,
    words: Vec<String>,
}

impl Options {
    fn read() -> Result<Self, String> {
        let mut options = Self::default();
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--quick" => options.quick = true,
                "--json" => options.json = true,
                "--growth" => options.growth = arguments.next().map(PathBuf::from),
                "--help" | "-h" => return Err(USAGE.into()),
                option if option.starts_with('-') => return Err(format!("no option {option}\n\n{USAGE}")),
                word => options.words.push(word.to_lowercase()),
            }
        }
        if options.growth.is_some() && !options.words.is_empty() {
            return Err("what is written has every row".into());
        }
        Ok(options)
    }

    fn wants(&self, name: &str) -> bool {
        self.words.is_empty() || self.words.iter().any(|word| name.to_lowercase().contains(word))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::read().unwrap_or_else(|text| {
        eprintln!("{text}");
        std::process::exit(2);
    });
    // The children stand beside the driver.
    let binaries = std::env::current_exe()?.parent().map(PathBuf::from).ok_or("no folder of its own")?;
    let certificates = std::env::temp_dir().join(format!("handfast-peers-{}", std::process::id()));
    std::fs::create_dir_all(&certificates)?;
    certificates::write(&certificates)?;

    let extent = Extent { rounds: if options.quick { 10 } else { 50 }, samples: 8 };
    let terminal = terminal::Terminal::new();
    let mut measured = Vec::new();
    for row in plan::rows().into_iter().filter(|row| options.wants(row.name)) {
        let row = Measured::new(row, extent, &binaries, &certificates);
        if !options.json {
            terminal.row(&row);
        }
        measured.push(row);
    }
    std::fs::remove_dir_all(&certificates)?;

    let (machine, reached) = (Machine::this(), bar::reached(&measured));
    if options.json {
        println!("{:#}", json::object(&machine, &measured, &reached));
    } else {
        terminal.bar(&reached);
    }
    if let Some(growth) = &options.growth {
        let curves = growth::read(&std::fs::read_to_string(growth)?)?;
        let command =
            if options.quick { "benches/peers/run --write --quick" } else { "benches/peers/run --write" };
        let page = markdown::Page {
            machine: &machine,
            command,
            measured: &measured,
            reached: &reached,
            curves: &curves,
        };
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        page.write(&here.join("../../../BENCHMARKS.md"), &here.join("../plots"))?;
    }
    Ok(())
}
