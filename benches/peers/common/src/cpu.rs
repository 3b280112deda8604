//! The time that this thread has had a processor for: a turn that is interrupted
//! costs no more. Where turns are long, some interruption is in each.

use std::time::Duration;

#[repr(C)]
struct Timespec {
    seconds: i64,
    nanoseconds: i64,
}

unsafe extern "C" {
    fn clock_gettime(clock: i32, time: *mut Timespec) -> i32;
}

/// CLOCK_THREAD_CPUTIME_ID of Linux.
const OF_THREAD: i32 = 3;

pub fn thread_time() -> Duration {
    let mut time = Timespec { seconds: 0, nanoseconds: 0 };
    let result = unsafe { clock_gettime(OF_THREAD, &raw mut time) };
    assert_eq!(result, 0, "there is no such clock");
    Duration::new(time.seconds as u64, time.nanoseconds as u32)
}
