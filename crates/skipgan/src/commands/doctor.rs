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
    /// What a variable does; empty for everything else.
    pub meaning: String,
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
    ("SKIPGAN_CPU", "force an instruction set: portable, avx2, avx2-vnni, avx512-vnni, avx512 or neon"),
    ("SKIPGAN_PED2", "path of a UCSDped2 folder, for the tests on real footage"),
];

impl Finding {
    fn new(topic: &str, found: impl Into<String>, good: bool) -> Finding {
        Finding { topic: topic.into(), found: found.into(), meaning: String::new(), good }
    }
}

/// For people: what there is and what is missing, then the variables with what they mean.
pub fn to_text(findings: &[Finding]) -> String {
    let (variables, others): (Vec<&Finding>, Vec<&Finding>) = findings.iter().partition(|finding| !finding.meaning.is_empty());
    let width =
        |findings: &[&Finding], of: fn(&Finding) -> &str| findings.iter().map(|finding| of(finding).chars().count()).max().unwrap_or(0);
    let topics = width(&others, |finding| &finding.topic);
    let mut lines: Vec<String> = (others.iter())
        .map(|finding| format!("{} {:topics$}  {}", if finding.good { "✓" } else { "✗" }, finding.topic, finding.found))
        .collect();
    let (names, values) = (width(&variables, |finding| &finding.topic), width(&variables, |finding| &finding.found));
    lines.extend(["".to_string(), "variables that change what the program does (a flag goes before its variable):".to_string()]);
    lines.extend(variables.iter().map(|Finding { topic, found, meaning, .. }| format!("  {topic:names$}  {found:values$}  {meaning}")));
    lines.join("\n")
}

/// Everything worth knowing, in the order in which it is printed.
pub fn examine(ffmpeg: Option<&Path>, variables: &[Variable]) -> Vec<Finding> {
    let mut findings = vec![
        Finding::new("skipgan", env!("CARGO_PKG_VERSION"), true),
        processor(),
        threads(),
        Finding::new("decoders", "built in: H.264 and HEVC in MP4 and MKV, MJPEG in AVI, Y4M, pictures (PNG, JPEG, TIFF, BMP, GIF)", true),
        ffmpeg_found(ffmpeg),
        gpu(),
    ];
    findings.extend(variables.iter().map(variable));
    findings
}

fn processor() -> Finding {
    let (found, good) = match kernels::Pool::new(1) {
        Ok(pool) => {
            let all: Vec<&str> = kernels::Level::all_available().map(kernels::Level::name).collect();
            let bytes = pool.bytes().map_or("in numbers, which are faster here", kernels::arch::ByteLevel::name);
            (format!("{} kernels (available: {}); --precision int8: {bytes}", pool.level().name(), all.join(", ")), true)
        }
        Err(error) => (error.to_string(), false),
    };
    Finding::new("processor", found, good)
}

fn threads() -> Finding {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    Finding::new("threads", format!("{cores} (change with --threads)"), true)
}

fn ffmpeg_found(path: Option<&Path>) -> Finding {
    let program = path.map_or_else(|| PathBuf::from("ffmpeg"), Path::to_path_buf);
    let asked = Command::new(&program).arg("-version").stdin(Stdio::null()).stderr(Stdio::null()).output();
    let first = asked.ok().filter(|output| output.status.success());
    let first = first.and_then(|output| String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_string));
    let program = program.display();
    match first {
        Some(line) => {
            let line = line.split(" Copyright").next().unwrap_or_default();
            Finding::new("ffmpeg", format!("{} (runs as '{program}')", line.trim_start_matches("ffmpeg ")), true)
        }
        None => {
            let needed = "MPEG-4 Part 2, VP9, AV1, MPEG-TS and interlaced video need it, and .mp4 overlays";
            Finding::new("ffmpeg", format!("not found as '{program}': {needed}; install it, or name it with --ffmpeg"), false)
        }
    }
}

#[cfg(feature = "gpu")]
fn gpu() -> Finding {
    match crate::gpu::Gpu::open() {
        Ok(gpu) if gpu.is_software() => Finding::new("gpu", format!("none, but {} plays one on the processor", gpu.name()), false),
        Ok(gpu) => Finding::new("gpu", format!("{} (--device gpu)", gpu.name()), true),
        Err(error) => Finding::new("gpu", error.to_string(), false),
    }
}

#[cfg(not(feature = "gpu"))]
fn gpu() -> Finding {
    Finding::new("gpu", "not built in (--features gpu)", true)
}

fn variable(variable: &Variable) -> Finding {
    let found = std::env::var_os(&variable.name).map_or_else(|| "not set".into(), |value| value.to_string_lossy().into_owned());
    Finding { topic: variable.name.clone(), found, meaning: variable.meaning.clone(), good: true }
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
        let text = to_text(&findings);
        assert!(text.contains("✗ ffmpeg     not found as") && text.contains("  SKIPGAN_NO_SUCH  not set  nothing"), "{text}");
    }
}
