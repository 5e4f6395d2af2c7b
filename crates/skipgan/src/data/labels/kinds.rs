//! Kinds of anomaly: what happens in a test clip, in a word. Where a data set names them, `evaluate` tells them apart.
//!
//! Stills name them by their folder (`test/<kind>/…`); any other data set may by a table `kinds.csv` in its folder, with the columns
//! `clip,kind`. Clips that stand in neither have no kind.

use super::table::read_bounded;
use crate::data::{DataError, DataSet, Layout, masks};
use std::collections::BTreeMap;
use std::path::Path;

/// The table's name.
pub const KINDS_NAME: &str = "kinds.csv";

/// Most bytes of the table.
const MOST_BYTES: u64 = 64 << 20;

/// Clip → kind, of the clips of [`DataSet::for_scoring`]; `None` where the data name no kinds.
///
/// # Errors
/// [`DataError::LabelSyntax`] for a table that is none, for a clip that stands in it twice and for one that is not there;
/// [`DataError::Io`].
pub fn read(data: &DataSet) -> Result<Option<BTreeMap<String, String>>, DataError> {
    let clips = data.for_scoring();
    if let Some(path) = data.roots.iter().map(|root| root.join(KINDS_NAME)).find(|path| path.is_file()) {
        let kinds = table(&path)?;
        if let Some((unknown, (_, line))) = kinds.iter().find(|(name, _)| !clips.iter().any(|clip| clip.name == **name)) {
            let what = format!("there is no clip {unknown} to score; write its name as in the score file, or take the line out");
            return Err(DataError::LabelSyntax { path, line: *line, what });
        }
        return Ok(Some(kinds.into_iter().map(|(clip, (kind, _))| (clip, kind)).collect()));
    }
    if !matches!(data.layout, Layout::Mvtec | Layout::Images) {
        return Ok(None);
    }
    let by_folder: Vec<(&str, &str)> = clips.iter().filter_map(|clip| Some((clip.name.as_str(), clip.name.split_once('/')?.0))).collect();
    // Folders are kinds where one of them is called good, or where the layout says so: as with labels.
    if data.layout != Layout::Mvtec && !by_folder.iter().any(|(_, kind)| masks::is_normal_kind(kind)) {
        return Ok(None);
    }
    let anomalous = by_folder.into_iter().filter(|(_, kind)| !masks::is_normal_kind(kind));
    Ok(Some(anomalous.map(|(clip, kind)| (clip.to_string(), kind.to_string())).collect()))
}

/// Clip → (kind, line).
fn table(path: &Path) -> Result<BTreeMap<String, (String, usize)>, DataError> {
    let bytes = read_bounded(path, MOST_BYTES)?;
    let text = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
    let syntax = |line: usize, what: String| DataError::LabelSyntax { path: path.to_path_buf(), line, what };
    let line_of = |position: Option<&csv::Position>| position.and_then(|at| usize::try_from(at.line()).ok()).unwrap_or(1);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text);
    let headers = reader.headers().map_err(|error| syntax(1, error.to_string()))?.clone();
    let column = |name: &str| headers.iter().position(|header| header == name);
    let (Some(clip), Some(kind)) = (column("clip"), column("kind")) else {
        return Err(syntax(1, "the first line must name the columns clip and kind".into()));
    };
    let mut kinds = BTreeMap::new();
    for record in reader.records() {
        let record = record.map_err(|error| syntax(line_of(error.position()), error.to_string()))?;
        let line = line_of(record.position());
        let field = |index: usize| record.get(index).unwrap_or_default().to_string();
        let (clip, kind) = (field(clip), field(kind));
        // An empty kind says that the clip is normal.
        if !kind.is_empty() && kinds.insert(clip.clone(), (kind, line)).is_some() {
            return Err(syntax(line, format!("clip {clip} stands here a second time")));
        }
    }
    Ok(kinds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Clip, ClipSource};
    use std::path::PathBuf;

    fn set(layout: Layout, root: &Path, names: &[&str]) -> DataSet {
        let clip = |name: &&str| Clip { name: (*name).into(), source: ClipSource::Pictures(vec![PathBuf::from("a.png")]) };
        DataSet {
            layout,
            roots: vec![root.to_path_buf()],
            known: None,
            incomplete: false,
            train: Vec::new(),
            test: names.iter().map(clip).collect(),
            unassigned: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn words(kinds: Option<BTreeMap<String, String>>) -> Vec<String> {
        kinds.expect("kinds are named").into_iter().map(|(clip, kind)| format!("{clip}={kind}")).collect()
    }

    #[test]
    fn folders_of_stills_are_kinds_but_for_the_good_ones() {
        let nowhere = Path::new("nowhere");
        let mvtec = set(Layout::Mvtec, nowhere, &["crack/000", "good/000", "hole/001"]);
        assert_eq!(words(read(&mvtec).expect("names are enough")), ["crack/000=crack", "hole/001=hole"]);
        let images = set(Layout::Images, nowhere, &["a/1", "b/1"]);
        assert!(read(&images).expect("no kinds is no fault").is_none());
        assert!(read(&set(Layout::Plain, nowhere, &["crack/1", "good/1"])).expect("no kinds is no fault").is_none());
    }

    #[test]
    fn a_table_names_kinds_and_its_faults_name_their_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let with = |text: &str| {
            std::fs::write(folder.path().join(KINDS_NAME), text).expect("a file");
            read(&set(Layout::Plain, folder.path(), &["01", "02", "03"]))
        };
        assert_eq!(words(with("clip,kind\r\n01,cart\r\n02,\r\n").expect("a table")), ["01=cart"]);
        for (text, part) in [
            ("name,kind\n01,cart\n", "columns clip and kind"),
            ("clip,kind\n01,cart\n01,van\n", "line 3"),
            ("clip,kind\n01,cart\n1,van\n", "no clip 1"),
        ] {
            let message = with(text).expect_err(text).to_string();
            assert!(message.contains(part), "{message}");
        }
    }
}
