//! `ablate`: rows of a grid made side by side, once, gone on with after an interruption, and refused where they make no sense.

use crate::harness::{Place, Told};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Two networks, four rows, on the tiny street.
const GRID: &str = r#"
set = ["steps=2", "width=32", "height=32", "g_width=4", "d_width=4", "batch=4"]
seeds = [1, 2]
[[row]]
name = "no skips"
set = ["skips=false"]
[[row]]
name = "half"
set = ["lambda=0.5"]
[[row]]
name = "A alone"
set = ["local=false", "score=a"]
"#;

fn lines(told: &Told, key: &str) -> Vec<Value> {
    told.json_lines().into_iter().filter(|line| line.get(key).is_some_and(|value| !value.is_null())).collect()
}

/// Every file below a folder with its time of change.
fn times(folder: &Path) -> BTreeMap<PathBuf, std::time::SystemTime> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(times(&path));
        } else {
            found.insert(path.clone(), fs::metadata(&path).and_then(|data| data.modified()).expect("a time"));
        }
    }
    found
}

fn count(folder: &Path) -> usize {
    fs::read_dir(folder).expect("a folder").count()
}

#[test]
fn a_grid_is_made_once() {
    let place = Place::new();
    place.write("grid.toml", GRID);
    let told = place.done("ablate data --grid grid.toml --out out --threads 2 --json --quiet");
    let results = lines(&told, "row");
    assert_eq!(results.len(), 8);
    let seen: Vec<(&str, u64)> =
        results.iter().map(|line| (line["row"].as_str().expect("a name"), line["seed"].as_u64().expect("a seed"))).collect();
    assert_eq!(seen[..3], [("base", 1), ("base", 2), ("no skips", 1)]);
    for line in &results {
        let columns = line["columns"].as_object().expect("columns");
        let wanted: &[&str] = if line["row"] == "A alone" {
            &["latent", "recon", "score"]
        } else {
            &["a", "latent", "motion", "picture", "place", "recon", "score"]
        };
        assert_eq!(columns.keys().collect::<Vec<_>>(), wanted, "{line}");
        assert!(columns["score"]["auroc"].is_number() && columns["score"]["ci95"].is_array(), "{line}");
    }
    // Motion needs no network: it is the same in every row.
    assert_eq!(results[0]["columns"]["motion"], results[4]["columns"]["motion"]);
    assert_ne!(results[0]["model_sha256"], results[2]["model_sha256"]);
    assert_ne!(results[0]["columns"]["recon"], results[6]["columns"]["recon"], "means over the map are other numbers than local ones");

    let end = told.json_lines().pop().expect("a last line");
    assert_eq!((&end["results"], &end["made"], &end["there"]), (&8.into(), &8.into(), &0.into()));
    let places = ["trainings", "cache", "results", "scores"].map(|name| count(&place.file("out").join(name)));
    assert_eq!(places, [4, 1, 8, 16], "two networks with two seeds, one cache, no row twice, a .meta.json beside each score file");
    assert!(!place.file("out/maps").exists());

    let table = place.text("out/table.csv");
    assert!(table.starts_with("row,settings,seeds,strict,difference,score,score_sd,"), "{table}");
    assert_eq!(
        table.lines().map(|line| line.split(',').next().expect("a name")).collect::<Vec<_>>(),
        ["row", "base", "no skips", "half", "A alone"]
    );
    assert!(place.text("out/table.md").contains("| no skips |") && place.text("out/plot.svg").contains("no skips"));

    let before = times(&place.file("out"));
    let again = place.done("ablate data --grid grid.toml --out out --json --quiet");
    assert_eq!(again.json_lines().pop().expect("a line")["made"], 0);
    assert_eq!(lines(&again, "row"), results);
    let after = times(&place.file("out"));
    let changed: Vec<_> =
        after.iter().filter(|(path, time)| before.get(*path) != Some(time)).map(|(path, _)| path.file_name().expect("a name")).collect();
    assert_eq!(changed, ["plot.svg", "table.csv", "table.md"], "only the tables are written again");

    // A row more, which needs no training: only that is made. And what one thread makes is what two made.
    place.write("grid.toml", format!("{GRID}[[row]]\nname = \"none\"\nset = [\"lambda=1.0\"]\n"));
    let more = place.done("ablate data --grid grid.toml --out out");
    assert!(more.out.contains("2 results made, 8 there before") && more.out.contains("| none |"), "{more:?}");
    assert!(more.err.contains("2 results to make by 2 trainings, 8 are there"), "{more:?}");
    place.write("grid.toml", GRID);
    let alone = place.done("ablate data --grid grid.toml --out alone --json --quiet");
    for (one, two) in lines(&alone, "row").iter().zip(&results) {
        assert_eq!((&one["columns"], &one["scores_sha256"]), (&two["columns"], &two["scores_sha256"]));
    }
}

#[test]
fn every_number_has_its_commands() {
    let place = Place::new();
    place.write("grid.toml", GRID.replace("[1, 2]", "[3]"));
    let told = place.done("ablate data --grid grid.toml --out out --json --quiet");
    let half = lines(&told, "row").into_iter().find(|line| line["row"] == "half").expect("the row");
    fs::rename(place.file("out"), place.file("made")).expect("out of the way");
    fs::create_dir_all(place.file("out/variants")).expect("a folder");
    fs::create_dir_all(place.file("out/scores")).expect("a folder");
    let mut judged = Value::Null;
    for command in half["commands"].as_array().expect("commands") {
        let words: Vec<&str> = command.as_str().expect("a command").split(' ').collect();
        match words.as_slice() {
            ["cp", from, to] => _ = fs::copy(place.file(from), place.file(to)).expect("copied"),
            ["skipgan", rest @ ..] => {
                let told = place.done(&format!("{} --json --quiet", rest.join(" ")));
                judged = told.json();
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(judged["frame_AUROC_micro"], half["columns"]["score"]["auroc"]);
    assert_eq!(judged["scores_sha256"], half["scores_sha256"]);
}

#[test]
fn maps_are_judged_where_they_are_asked_for() {
    let place = Place::new();
    place.write("grid.toml", format!("maps = true\n{}", GRID.replace("[1, 2]", "[1]")));
    let told = place.done("ablate data --grid grid.toml --out out --json --quiet");
    assert!(lines(&told, "row").iter().all(|line| line["columns"]["pixel"]["auroc"].is_number()), "{told:?}");
    assert!(place.text("out/table.md").contains("| pixel |"));
    assert_eq!(count(&place.file("out/maps")), 0, "maps are large, and only judged");
    crate::harness::copy(&place.file("data"), &place.file("bare"));
    fs::remove_dir_all(place.file("bare/masks")).expect("masks");
    place.refuses("ablate bare --grid grid.toml --out other", &["maps = true", "grid.toml", "bare has none"]);
}

#[test]
fn a_row_that_fails_does_not_stop_the_others() {
    let place = Place::new();
    place.write("grid.toml", format!("{}[[row]]\nname = \"wild\"\nset = [\"lr=1e30\"]\n", GRID.replace("[1, 2]", "[1]")));
    let told = place.run("ablate data --grid grid.toml --out out --json --quiet");
    assert_eq!(told.code, Some(2), "{told:?}");
    assert_eq!(lines(&told, "row").len(), 4);
    let error = told.err.lines().find(|line| line.starts_with("error: ")).expect("an error");
    assert!(error.contains("1 of 5 results failed") && error.contains("wild: "), "{error}");
    assert!(place.text("out/table.md").contains("wild: 0 of 1 seeds."));
}

#[test]
fn grids_that_make_no_sense() {
    let place = Place::new();
    let refuses = |text: &str, parts: &[&str]| {
        place.write("g.toml", text);
        place.refuses("ablate data --grid g.toml --out out", parts);
        assert!(!place.file("out").exists(), "nothing was begun");
    };
    refuses("", &["g.toml", "nothing to compare", "[[row]]"]);
    refuses("[grid]\nw_adv = []\n", &["g.toml", "grid.w_adv", "empty"]);
    refuses("[grid]\nlambada = [1]\n", &["g.toml", "lambada"]);
    refuses("colour = 1\n", &["g.toml", "line 1", "colour"]);
    refuses("[[row]]\nname = \"x\"\nset = [\"lr=fast\"]\n", &["g.toml", "row 'x'", "lr"]);
    let list = (0..40).map(|i| format!("0.{i}")).collect::<Vec<_>>().join(", ");
    refuses(&format!("[grid]\nw_adv = [{list}]\nw_lat = [{list}]\n"), &["g.toml", "1601 rows", "at most 1000"]);
    place.refuses("ablate data --grid none.toml", &["none.toml"]);
    place.refuses("ablate data --grid g.toml --out data --set lambada=1", &["g.toml"]);
    place.write("g.toml", "[scoring]\nlambda = [0.5]\n");
    place.refuses("ablate data --grid g.toml --out data", &["data is not empty", "--out"]);
    place.refuses("ablate data --grid g.toml --out out --set lambada=1", &["row 'base", "lambada"]);
    place.refuses("ablate data/train --grid g.toml --out out", &["train has no test part"]);
    place.write("g.toml", "[[row]]\nname = \"odd\"\nset = [\"side=33\"]\n");
    place.refuses("ablate data --grid g.toml --out out", &["row 'odd'", "33"]);
    assert!(!place.file("out").exists());
    crate::harness::copy(&place.file("data/train"), &place.file("bare/train"));
    crate::harness::copy(&place.file("data/test"), &place.file("bare/test"));
    place.refuses("ablate bare --grid g.toml --out out2", &["bare", "label"]);
}
