//! The examples are in `src/bin`, and run by their tests; README.md lists them.
