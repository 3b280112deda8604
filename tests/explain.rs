//! `handfast explain`, as a person runs it: its output, its exit codes, and
//! that what it says is what went over the wire.

mod explain {
    pub(crate) mod certificates;
    pub(crate) mod peers;
    pub(crate) mod run;

    mod containers;
    mod failures;
    mod options;
    mod output;
    mod psk;
    mod refusals;
    mod resume;
    mod textbook;
    mod truth;
    mod written;
}
