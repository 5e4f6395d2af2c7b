//! Settings as rows give them: laid over one another in an order that is allowed, compared, and made into names of folders.

use crate::config::{Config, ConfigError, SCORING_KEYS, Select};
use sha2::{Digest, Sha256};

/// The key of `KEY=VALUE`.
pub(super) fn key_of(assignment: &str) -> &str {
    assignment.split('=').next().unwrap_or_default().trim()
}

/// `config` with `assignments` laid over it, and these in an order in which `--set` takes them: some settings are allowed only beside
/// others, and who writes a list need not know in which order. Of one key the last value holds.
///
/// # Errors
/// [`ConfigError`]: an unknown key first, else the first that no order allows.
pub(super) fn laid(config: &Config, assignments: &[String]) -> Result<(Config, Vec<String>), ConfigError> {
    let last = |at: usize, key: &str| assignments.iter().skip(at + 1).all(|later| key_of(later) != key);
    let mut left: Vec<&String> =
        assignments.iter().enumerate().filter(|(at, text)| last(*at, key_of(text))).map(|(_, text)| text).collect();
    let (mut config, mut order) = (config.clone(), Vec::new());
    while !left.is_empty() {
        let tried: Vec<Result<Config, ConfigError>> = left.iter().map(|assignment| config.with_set(assignment)).collect();
        let of_no_use = |result: &Result<Config, ConfigError>| matches!(result, Err(ConfigError::Invalid { .. }));
        let at = tried.iter().position(of_no_use).or_else(|| tried.iter().position(Result::is_ok)).unwrap_or(0);
        config = tried.into_iter().nth(at).expect("as many as are left")?;
        order.push(left.remove(at).clone());
    }
    Ok((config, order))
}

/// A page as a table without its preset's name.
fn table(config: &Config) -> toml::Table {
    let mut table: toml::Table = config.to_toml().parse().unwrap_or_default();
    table.remove("preset");
    table
}

/// Whether a key decides what a training becomes. Where the authors' habit chooses the state by the test set, scores decide too.
fn shapes_training(config: &Config, key: &str) -> bool {
    config.select == Select::TestBest || !SCORING_KEYS.contains(&key)
}

/// What scoring would have to be told so that a network trained with `from` is scored as `to` says, as `KEY=VALUE` in an order that is
/// allowed.
///
/// # Errors
/// [`ConfigError`] where no order is.
pub(super) fn scoring_changes(from: &Config, to: &Config) -> Result<Vec<String>, ConfigError> {
    let (before, now) = (table(from), table(to));
    let differing = SCORING_KEYS.iter().filter(|&&key| before.get(key) != now.get(key));
    let assignments: Vec<String> = differing.filter_map(|&key| Some(format!("{key}={}", now.get(key)?))).collect();
    Ok(laid(from, &assignments)?.1)
}

/// Name of a training by its settings and the footage that it learns from: readable, and another one for every other training.
pub(super) fn training_id(config: &Config, footage: &str) -> String {
    id(config, footage, |key| shapes_training(config, key))
}

/// Name of a result by all settings and what else it depends on.
pub(super) fn result_id(config: &Config, depends_on: &str) -> String {
    id(config, depends_on, |_| true)
}

/// Most characters of a name that tell its settings.
const MOST_NAMED: usize = 64;

fn id(config: &Config, depends_on: &str, counts: impl Fn(&str) -> bool) -> String {
    let page = table(config);
    let preset = Config::preset(&config.preset).map(|preset| table(&preset)).unwrap_or_default();
    let mut name = config.preset.clone();
    let mut digest = Sha256::new();
    digest.update(format!("{}\n{depends_on}\n", config.preset));
    for (key, value) in page.iter().filter(|(key, _)| counts(key)) {
        digest.update(format!("{key} = {value}\n"));
        if preset.get(key) != Some(value) && key != "seed" {
            name += &format!(",{key}={value}");
        }
    }
    name += &format!(",seed={}", config.seed);
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "-_.=,".contains(c) { c } else { '-' };
    let named: String = name.replace('"', "").chars().map(allowed).take(MOST_NAMED).collect();
    let sha256: String = digest.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    format!("{named}-{sha256}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(assignments: &[&str]) -> Vec<String> {
        assignments.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_order_of_settings_does_not_matter_and_the_last_of_a_key_holds() {
        let video = Config::preset("video").expect("video");
        let (config, order) = laid(&video, &texts(&["local=false", "score=s", "lambda=0.1", "score=a", "lambda=0.5"])).expect("allowed");
        assert_eq!((config.local, config.lambda), (false, 0.5));
        assert_eq!(order, ["score=a", "local=false", "lambda=0.5"]);
        let again = order.iter().try_fold(video.clone(), |config, text| config.with_set(text)).expect("as --set takes it");
        assert_eq!(again, config);
    }

    #[test]
    fn an_unknown_key_is_told_before_what_lacks_its_partner() {
        let video = Config::preset("video").expect("video");
        let message = laid(&video, &texts(&["local=false", "lambada=1"])).expect_err("unknown").to_string();
        assert!(message.contains("lambada"), "{message}");
        assert!(laid(&video, &texts(&["local=false"])).expect_err("score = s needs it").to_string().contains("score"));
        assert!(laid(&video, &texts(&["batch"])).expect_err("no value").to_string().contains("KEY=VALUE"));
    }

    #[test]
    fn a_training_is_shared_by_what_differs_in_scores_only() {
        let video = Config::preset("video").expect("video");
        let with = |text: &str| video.with_set(text).expect(text);
        let id = |config: &Config| training_id(config, "footage");
        for text in ["lambda=0.5", "score=a", "top_share=0.01", "false_alarms_per_hour=2"] {
            assert_eq!(id(&video), id(&with(text)), "{text}");
            assert_ne!(result_id(&video, ""), result_id(&with(text), ""), "{text}");
        }
        for text in ["skips=false", "seed=2", "steps=5"] {
            assert_ne!(id(&video), id(&with(text)), "{text}");
        }
        assert_ne!(id(&video), training_id(&video, "other footage"));
        assert!(id(&with("skips=false")).starts_with("video,skips=false,seed=1-"), "{}", id(&with("skips=false")));
        let official = Config::preset("official").expect("official");
        assert_ne!(id(&official), id(&official.with_set("lambda=0.5").expect("a setting of scores")), "the test set chooses by scores");
    }

    #[test]
    fn names_are_short_and_of_plain_characters() {
        let set = texts(&["skips=[true, false, true]", "w_adv=0.125", "w_con=11.5", "w_lat=0.75", "lr=0.0005", "beta1=0.25", "gate=0.5"]);
        let (config, _) = laid(&Config::preset("video").expect("video"), &set).expect("allowed");
        let id = result_id(&config, "");
        assert!(id.len() <= MOST_NAMED + 13 && id.chars().all(|c| c.is_ascii_alphanumeric() || "-_.=,".contains(c)), "{id}");
    }

    #[test]
    fn scores_of_another_kind_are_reached_step_by_step() {
        let video = Config::preset("video").expect("video");
        let to = laid(&video, &texts(&["score=a", "local=false", "scale=total"])).expect("allowed").0;
        let changes = scoring_changes(&video, &to).expect("an order");
        let reached = changes.iter().try_fold(video.clone(), |config, text| config.with_scoring_set(text)).expect("allowed");
        assert_eq!(reached, to);
        assert!(scoring_changes(&video, &video).expect("nothing").is_empty());
    }
}
