//! Throwaway.
use std::sync::Mutex;
use std::time::Instant;
use std::sync::OnceLock;
#[allow(missing_docs)]
pub static EVENTS: Mutex<Vec<(f64, u8, &'static str, usize)>> = Mutex::new(Vec::new());
static BASE: OnceLock<Instant> = OnceLock::new();
static ON: OnceLock<bool> = OnceLock::new();
#[allow(missing_docs)]
pub fn mark(thread: u8, what: &'static str, n: usize) {
    if !*ON.get_or_init(|| std::env::var_os("TRACE").is_some()) { return; }
    let base = *BASE.get_or_init(Instant::now);
    let at = base.elapsed().as_secs_f64() * 1e3;
    EVENTS.lock().unwrap().push((at, thread, what, n));
}
#[allow(missing_docs)]
pub fn dump() {
    let events = EVENTS.lock().unwrap();
    for (at, t, what, n) in events.iter() { eprintln!("{at:.3} {t} {what} {n}"); }
}
