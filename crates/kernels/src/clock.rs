//! What time a thread has computed: neighbours on a busy machine then cost a measurement only what they do to the caches. For benchmarks,
//! never for results.

/// Seconds that the calling thread has computed since it began; `None` where the system does not say (anything but 64-bit Linux).
#[must_use]
pub fn thread_seconds() -> Option<f64> {
    system::seconds(system::THREAD)
}

/// Seconds that all threads of this process have computed since it began; `None` as for [`thread_seconds`].
#[must_use]
pub fn process_seconds() -> Option<f64> {
    system::seconds(system::PROCESS)
}

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod system {
    /// `CLOCK_PROCESS_CPUTIME_ID`.
    pub const PROCESS: i32 = 2;
    /// `CLOCK_THREAD_CPUTIME_ID`.
    pub const THREAD: i32 = 3;

    pub fn seconds(clock: i32) -> Option<f64> {
        unsafe extern "C" {
            fn clock_gettime(clock: i32, time: *mut [i64; 2]) -> i32;
        }
        let mut time = [0i64; 2];
        // SAFETY: on 64-bit Linux a timespec is two 64-bit numbers, and `time` is one.
        let told = unsafe { clock_gettime(clock, &mut time) };
        (told == 0).then(|| time[0] as f64 + time[1] as f64 * 1e-9)
    }
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
mod system {
    pub const PROCESS: i32 = 2;
    pub const THREAD: i32 = 3;

    pub fn seconds(_: i32) -> Option<f64> {
        None
    }
}

#[cfg(all(test, target_os = "linux", target_pointer_width = "64"))]
mod tests {
    use super::*;

    #[test]
    fn computing_takes_time_and_sleeping_takes_none() {
        let begin = thread_seconds().expect("Linux says");
        let mut sum = 0u64;
        while thread_seconds().expect("Linux says") < begin + 0.02 {
            sum = std::hint::black_box(sum + 1);
        }
        let worked = thread_seconds().expect("Linux says");
        std::thread::sleep(std::time::Duration::from_millis(50));
        let slept = thread_seconds().expect("Linux says") - worked;
        assert!(sum > 0 && slept < 0.02, "{slept} s of sleep");
        assert!(process_seconds().expect("Linux says") >= worked - begin);
    }
}
