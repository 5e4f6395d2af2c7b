//! What this machine offers: processor level, threads, decoders, and the variables that change how the program behaves.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// One fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Such as `processor`.
    pub topic: String,
    /// What was found, a phrase.
    pub found: String,
    /// Whether something is missing that a user may want.
    pub good: bool,
}

/// A variable that the program reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// `SKIPGAN_…`.
    pub name: String,
    /// What it does.
    pub meaning: String,
}

/// Variables that no flag declares.
pub const OWN_VARIABLES: [(&str, &str); 2] = [
    ("SKIPGAN_CPU", "force an instruction set: portable, avx2, avx512 or neon"),
    ("SKIPGAN_PED2", "path of a UCSDped2 folder, for the tests on real footage"),
];

/// Everything worth knowing, in the order in which it is printed.
pub fn examine(ffmpeg: Option<&Path>, variables: &[Variable]) -> Vec<Finding> {
    let mut findings = vec![
        Finding { topic: "skipgan".into(), found: env!("CARGO_PKG_VERSION").into(), good: true },
        processor(),
        threads(),
        Finding {
            topic: "decoders".into(),
            found: "built in: H.264 and HEVC in MP4 and MKV, MJPEG in AVI, Y4M, pictures (PNG, JPEG, TIFF, BMP, GIF)".into(),
            good: true,
        },
        ffmpeg_found(ffmpeg),
    ];
    findings.extend(variables.iter().map(variable));
    findings
}

fn processor() -> Finding {
    let (found, good) = match kernels::Level::detect() {
        Ok(level) => {
            let all: Vec<&str> = kernels::Level::all_available().map(kernels::Level::name).collect();
            (format!("{} kernels (available: {})", level.name(), all.join(", ")), true)
        }
        Err(error) => (error.to_string(), false),
    };
    Finding { topic: "processor".into(), found, good }
}

fn threads() -> Finding {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    Finding { topic: "threads".into(), found: format!("{cores} (change with --threads)"), good: true }
}

fn ffmpeg_found(path: Option<&Path>) -> Finding {
    let program = path.map_or_else(|| PathBuf::from("ffmpeg"), Path::to_path_buf);
    let asked = Command::new(&program).arg("-version").stdin(Stdio::null()).stderr(Stdio::null()).output();
    let first = asked.ok().filter(|output| output.status.success());
    let first = first.and_then(|output| String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_string));
    match first {
        Some(line) => Finding { topic: "ffmpeg".into(), found: format!("{} ({})", line, program.display()), good: true },
        None => Finding {
            topic: "ffmpeg".into(),
            found: format!(
                "not found as '{}': MPEG-4 Part 2, VP9, AV1, MPEG-TS and interlaced video need it, and .mp4 overlays",
                program.display()
            ),
            good: false,
        },
    }
}

fn variable(variable: &Variable) -> Finding {
    let found = match std::env::var(&variable.name) {
        Ok(value) => format!("{value}  ({})", variable.meaning),
        Err(_) => format!("not set  ({})", variable.meaning),
    };
    Finding { topic: variable.name.clone(), found, good: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_ffmpeg_is_said_and_variables_are_listed() {
        let variables = [Variable { name: "SKIPGAN_NO_SUCH".into(), meaning: "nothing".into() }];
        let findings = examine(Some(Path::new("/no/such/ffmpeg")), &variables);
        let ffmpeg = findings.iter().find(|finding| finding.topic == "ffmpeg").expect("a line on ffmpeg");
        assert!(!ffmpeg.good && ffmpeg.found.contains("/no/such/ffmpeg"));
        assert!(findings.iter().any(|finding| finding.topic == "SKIPGAN_NO_SUCH" && finding.found.starts_with("not set")));
        assert!(findings.iter().any(|finding| finding.topic == "processor" && finding.good));
    }
}
