//! Places that cannot be written: below /proc, without permission, on a full disk.

use crate::harness::{Place, TINY, Told, refused};
use std::path::Path;

#[cfg(target_os = "linux")]
#[test]
fn a_place_where_nothing_can_be_made() {
    let place = Place::new();
    place.done("score run data --out s.csv");
    for words in [
        format!("train data --out /proc/run {TINY}"),
        "score run data --out /proc/s.csv".to_string(),
        "score run data --out x.csv --maps /proc/maps".to_string(),
        "score run data/test/01.avi --out x.csv --overlay /proc/film.avi".to_string(),
        "baseline fd-max31 data --out /proc/s.csv".to_string(),
        "evaluate s.csv --data data --out /proc/s.csv".to_string(),
        "report run --out /proc/page.html".to_string(),
    ] {
        place.refuses(&words, &["/proc/"]);
    }
    assert!(!place.file("x.csv").exists(), "a score file beside maps or a film that failed");
}

#[cfg(unix)]
#[test]
fn a_folder_without_permission() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let shut = place.file("shut");
    std::fs::create_dir(&shut).expect("a folder");
    std::fs::set_permissions(&shut, std::fs::Permissions::from_mode(0o500)).expect("shut");
    if std::fs::write(shut.join("probe"), b"").is_ok() {
        println!("skipped: this user may write everywhere");
        return;
    }
    place.refuses(&format!("train data --out shut/run {TINY}"), &["shut/run", "permission denied"]);
    place.refuses("score run data --out shut/s.csv", &["shut/s.csv", "ermission denied"]);
}

/// A disk of 64 KiB; unmounted when dropped.
#[cfg(target_os = "linux")]
struct SmallDisk<'a>(&'a Path);

#[cfg(target_os = "linux")]
impl<'a> SmallDisk<'a> {
    fn mount(at: &'a Path) -> Option<SmallDisk<'a>> {
        std::fs::create_dir(at).expect("a folder");
        let words = ["-t", "tmpfs", "-o", "size=64k", "tmpfs"];
        let mounted = std::process::Command::new("mount").args(words).arg(at).output().is_ok_and(|output| output.status.success());
        mounted.then_some(SmallDisk(at))
    }
}

#[cfg(target_os = "linux")]
impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(self.0).status();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_without_space() {
    let place = Place::new();
    let at = place.file("small");
    let Some(_disk) = SmallDisk::mount(&at) else {
        println!("skipped: no tmpfs can be mounted here");
        return;
    };
    place.refuses(&format!("train data --out small/run --steps 3 {TINY}"), &["small/run", "pace"]);
    std::fs::remove_dir_all(at.join("run")).expect("removed");
    std::fs::write(at.join("ballast"), vec![1u8; 48 << 10]).expect("ballast");
    place.refuses("score run data --out x.csv --maps small/maps", &["small/maps", "pace"]);
    std::fs::remove_dir_all(at.join("maps")).expect("removed");
    std::fs::write(at.join("ballast"), vec![1u8; 60 << 10]).expect("ballast");
    std::fs::write(at.join("more"), vec![1u8; 4 << 10]).ok();
    place.refuses("score run data --out small/s.csv", &["small/s.csv", "pace"]);
    place.refuses("report run --out small/page.html", &["small/page.html", "pace"]);
    for half in ["s.csv", "page.html"] {
        assert!(!at.join(half).exists(), "half of {half}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_without_space() {
    let place = Place::new();
    for words in ["doctor", "inspect data --json"] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
        let mut command = place.command(words);
        let output = command.stdout(full).output().expect("the program runs");
        refused(words, &Told::of(&output), &["standard output", "pace"]);
    }
}
