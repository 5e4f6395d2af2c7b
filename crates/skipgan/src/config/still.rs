//! Single pictures: what preset `video` becomes where the training data are clips of one frame (docs/method.md, "Still pictures"). All
//! pictures of a data set are brought to one size, which their aspects choose.

use super::{Config, ConfigError};

/// Longer side of the working size.
const LONG_SIDE: usize = 256;
/// Both sides are multiples of this.
const MULTIPLE: usize = 16;

/// What the branch has to know of the training pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StillPictures {
    /// Columns of the working size.
    pub width: usize,
    /// Rows of the working size.
    pub height: usize,
    /// 1 or 3.
    pub channels: usize,
}

impl StillPictures {
    /// For training pictures of these columns and rows, of which one has `colour` or none has: the size of their median aspect. `None` of
    /// no pictures.
    pub fn of(sizes: &[(usize, usize)], colour: bool) -> Option<StillPictures> {
        let mut aspects: Vec<f64> =
            sizes.iter().filter(|size| size.0 > 0 && size.1 > 0).map(|size| size.0 as f64 / size.1 as f64).collect();
        aspects.sort_unstable_by(f64::total_cmp);
        let aspect = *aspects.get(aspects.len() / 2)?;
        let side = |exact: f64| ((exact / MULTIPLE as f64).round() as usize).clamp(1, LONG_SIDE / MULTIPLE) * MULTIPLE;
        let (width, height) = (side(LONG_SIDE as f64 * aspect.min(1.0)), side(LONG_SIDE as f64 / aspect.max(1.0)));
        Some(StillPictures { width, height, channels: if colour { 3 } else { 1 } })
    }
}

impl Config {
    /// Preset `video` becomes its branch for single pictures; other presets stay what they are. Settings of one's own are laid over it.
    ///
    /// # Errors
    /// As [`Config::with_toml`].
    pub fn for_stills(&self, pictures: &StillPictures) -> Result<Config, ConfigError> {
        if self.preset != "video" {
            return Ok(self.clone());
        }
        let StillPictures { width, height, channels } = pictures;
        let size = format!("width = {width}\nheight = {height}\nchannels = {channels}\n");
        self.with_toml("preset video, still pictures", &(size + include_str!("../presets/video_still.toml")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sees;

    #[test]
    fn the_median_aspect_chooses_the_size() {
        let of = |sizes: &[(usize, usize)]| StillPictures::of(sizes, false).map(|pictures| (pictures.width, pictures.height));
        assert_eq!(of(&[(1024, 1024)]), Some((256, 256)));
        assert_eq!(of(&[(640, 480), (640, 480), (10, 1000)]), Some((256, 192)));
        assert_eq!(of(&[(480, 640)]), Some((192, 256)));
        assert_eq!(of(&[(1, 100_000)]), Some((16, 256)));
        assert_eq!(of(&[(0, 4)]), None);
    }

    #[test]
    fn preset_video_has_a_branch_and_others_have_not() {
        let pictures = StillPictures::of(&[(800, 600)], true).expect("a picture");
        let video = Config::preset("video").and_then(|config| config.for_stills(&pictures)).expect("a branch");
        assert_eq!((video.sees, video.channels, video.preset.as_str()), (Sees::Still, 3, "video"));
        let (height, width) = video.picture(None).expect("its own size");
        let spec = video.spec(height, width).expect("a network");
        assert_eq!((height, width, spec.generator.input_channels, spec.generator.output_channels), (192, 256, 3, 3));
        assert_eq!(Config::default().with_toml("copy", &video.to_toml()).expect("its own text"), video);
        let paper = Config::preset("paper").expect("paper");
        assert_eq!(paper.for_stills(&pictures).expect("no branch"), paper);
        assert!(video.with_set("order=repaired").is_err() && video.with_set("score=s").is_err() && video.with_set("history=2").is_err());
    }
}
