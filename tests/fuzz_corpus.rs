//! The fuzz targets on a stable compiler: each seed of `fuzz/corpus/`, and 2,000
//! pseudo-random mutations of it. Without the fuzzers' deterministic randomness,
//! so that what a handshake draws is new in every run.

#[path = "../fuzz/bodies.rs"]
mod bodies;

use std::path::{Path, PathBuf};

const MUTATIONS: u64 = 2_000;

fn seeds(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

/// xorshift64*: the same numbers in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end.max(1)
    }
}

/// A few changes of the kinds that a fuzzer makes.
fn mutate(seed: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut data = seed.to_vec();
    for _ in 0..1 + numbers.below(4) {
        let at = numbers.below(data.len());
        match numbers.below(7) {
            _ if data.is_empty() => data.push(numbers.below(256) as u8),
            0 => data[at] ^= 1 << numbers.below(8),
            1 => data[at] = [0, 1, 0x7f, 0x80, 0xff][numbers.below(5)],
            2 => data[at] = numbers.below(256) as u8,
            3 => drop(data.remove(at)),
            4 => data.insert(at, numbers.below(256) as u8),
            5 => data.truncate(at),
            _ => {
                let end = at + numbers.below((data.len() - at).min(64));
                let copied = data[at..end].to_vec();
                let to = numbers.below(data.len());
                data.splice(to..to, copied);
            }
        }
    }
    data
}

fn replay(target: &str) {
    let (_, body) = bodies::TARGETS.into_iter().find(|(name, _)| *name == target).unwrap();
    let seeds = seeds(target);
    assert!(!seeds.is_empty());
    for (path, seed) in seeds {
        let run = |data: &[u8]| {
            let result = std::panic::catch_unwind(|| body(data));
            assert!(result.is_ok(), "{}: {}", path.display(), hex::encode(data));
        };
        run(&seed);
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15 ^ seed.len() as u64);
        for _ in 0..MUTATIONS {
            run(&mutate(&seed, &mut numbers));
        }
    }
}

macro_rules! targets {
    ($($target:ident)*) => {
        $(#[test]
        fn $target() {
            replay(stringify!($target));
        })*

        #[test]
        fn each_target_is_replayed_and_built() {
            let here = [$(stringify!($target)),*];
            assert_eq!(here, bodies::TARGETS.map(|(name, _)| name));
            let manifest = include_str!("../fuzz/Cargo.toml");
            for target in here {
                assert!(manifest.contains(&format!("path = \"fuzz_targets/{target}.rs\"")), "{target}");
            }
        }
    };
}

targets! { records messages server client conversation certificates readers pem names sessions }
