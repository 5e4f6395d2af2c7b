//! From what the user said to one [`Config`]: preset (for single pictures its branch), then file, then environment and flags, then `--set`.

use crate::config::{Config, ConfigError, StillPictures};
use std::path::PathBuf;

/// Largest configuration file that is read.
const MAX_BYTES: u64 = 1 << 20;

/// What the user said about the method's numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choices {
    /// Preset; `None`: `video`.
    pub preset: Option<String>,
    /// TOML file laid over it.
    pub file: Option<PathBuf>,
    /// Keys with a flag or environment variable of their own, as `KEY=VALUE`.
    pub flags: Vec<String>,
    /// `--set`, in order.
    pub set: Vec<String>,
}

impl Choices {
    /// The configuration.
    ///
    /// # Errors
    /// [`ConfigError`] with the origin of what is wrong.
    pub fn resolve(&self) -> Result<Config, ConfigError> {
        self.resolve_for(None)
    }

    /// The configuration for training data that are single pictures, where they are.
    ///
    /// # Errors
    /// As [`Choices::resolve`].
    pub fn resolve_for(&self, stills: Option<&StillPictures>) -> Result<Config, ConfigError> {
        let text = self.file.as_ref().map(read).transpose()?;
        let named = text.as_ref().and_then(|(_, text)| preset_of(text));
        let mut config = Config::preset(self.preset.as_deref().or(named.as_deref()).unwrap_or("video"))?;
        if let Some(pictures) = stills {
            config = config.for_stills(pictures)?;
        }
        let preset = config.preset.clone();
        if let Some((origin, text)) = &text {
            config = config.with_toml(origin, text)?;
            config.preset = preset;
        }
        config.with_sets(self.flags.iter().chain(&self.set).map(String::as_str))
    }
}

fn read(path: &PathBuf) -> Result<(String, String), ConfigError> {
    let origin = path.display().to_string();
    let invalid = |message: String| ConfigError::Invalid { origin: origin.clone(), message };
    let told = |error: std::io::Error| invalid(format!("cannot be read as a configuration: {error}"));
    let size = std::fs::metadata(path).map_err(told)?.len();
    if size > MAX_BYTES {
        return Err(invalid(format!("{size} bytes are too many for a configuration (at most {MAX_BYTES})")));
    }
    Ok((origin.clone(), std::fs::read_to_string(path).map_err(told)?))
}

/// The preset that a configuration file starts from, such as a run's own `config.toml`.
fn preset_of(text: &str) -> Option<String> {
    text.parse::<toml::Table>().ok()?.get("preset")?.as_str().map(str::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sees;

    #[test]
    fn flag_beats_file_beats_preset_and_set_beats_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("mine.toml");
        std::fs::write(&file, "preset = \"paper\"\nlr = 0.5\nseed = 7\nbatch = 3\n").expect("a file");
        let choices =
            Choices { preset: None, file: Some(file), flags: vec!["seed=8".into(), "batch=4".into()], set: vec!["batch=5".into()] };
        let config = choices.resolve().expect("sound choices");
        assert_eq!((config.preset.as_str(), config.lr, config.seed, config.batch, config.w_con), ("paper", 0.5, 8, 5, 40.0));
    }

    #[test]
    fn single_pictures_choose_the_branch_and_settings_are_laid_over_it() {
        let pictures = StillPictures::of(&[(100, 100)], false);
        let choices = Choices { set: vec!["width=64".into(), "height=48".into()], ..Choices::default() };
        let config = choices.resolve_for(pictures.as_ref()).expect("sound choices");
        assert_eq!((config.sees, config.picture(None).expect("a size")), (Sees::Still, (48, 64)));
        assert_eq!(choices.resolve_for(None).expect("sound choices").sees, Sees::Restore);
        let paper = Choices { preset: Some("paper".into()), ..Choices::default() };
        assert_eq!(paper.resolve_for(pictures.as_ref()).expect("sound choices").sees, Sees::Frames);
    }

    #[test]
    fn a_missing_file_and_a_wrong_key_name_the_file() {
        let missing = Choices { file: Some("no/such.toml".into()), ..Choices::default() };
        assert!(missing.resolve().expect_err("missing").to_string().contains("no/such.toml"));
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("wrong.toml");
        std::fs::write(&file, "lambada = 1\n").expect("a file");
        let message = Choices { file: Some(file), ..Choices::default() }.resolve().expect_err("unknown key").to_string();
        assert!(message.contains("wrong.toml") && message.contains("lambada"), "{message}");
    }
}
