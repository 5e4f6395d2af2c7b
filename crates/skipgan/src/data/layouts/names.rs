//! Names of clips: the path below the test (or given) folder without extension; where names collide, as many more parts of the path as
//! tell them apart.

use super::walk::Found;
use crate::data::{Clip, ClipSource, DataError};
use std::collections::BTreeMap;
use std::path::Path;

/// Names clips; their notes go to `notes`.
pub(super) fn clips(found: Vec<Found>, notes: &mut Vec<String>) -> Result<Vec<Clip>, DataError> {
    let mut paths: Vec<(Vec<String>, usize)> = found.iter().map(|clip| (parts(&clip.path, &clip.source), clip.parts)).collect();
    loop {
        let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, path) in paths.iter().enumerate() {
            groups.entry(name(path)).or_default().push(index);
        }
        let colliding: Vec<(String, Vec<usize>)> = groups.into_iter().filter(|(_, members)| members.len() > 1).collect();
        if colliding.is_empty() {
            break;
        }
        for (name, members) in colliding {
            lengthen(&mut paths, &members, || collision(&found, &name, &members))?;
        }
    }
    notes.extend(found.iter().filter_map(|clip| clip.note.clone()));
    Ok(found.into_iter().zip(&paths).map(|(clip, path)| Clip { name: name(path), source: clip.source }).collect())
}

/// One more part for each member; an error where none is left.
fn lengthen(paths: &mut [(Vec<String>, usize)], members: &[usize], error: impl Fn() -> DataError) -> Result<(), DataError> {
    let mut grown = false;
    for &index in members {
        if let Some((parts, used)) = paths.get_mut(index)
            && *used < parts.len()
        {
            *used += 1;
            grown = true;
        }
    }
    if grown { Ok(()) } else { Err(error()) }
}

fn collision(found: &[Found], name: &str, members: &[usize]) -> DataError {
    let path = |order: usize| members.get(order).and_then(|&index| found.get(index)).map(|clip| clip.path.clone()).unwrap_or_default();
    // The whole path is of no use as a name here: what the user wrote is.
    let short = name.rsplit('/').next().unwrap_or(name).to_string();
    DataError::Collision { name: short, first: path(0), second: path(1) }
}

fn name((parts, used): &(Vec<String>, usize)) -> String {
    parts.get(parts.len().saturating_sub(*used)..).unwrap_or_default().join("/")
}

/// The parts of a whole path, the last without its extension where it is a file.
fn parts(path: &Path, source: &ClipSource) -> Vec<String> {
    if path == Path::new("-") {
        return vec!["stdin".into()];
    }
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    // `..` and `/` have no name of their own.
    let whole = if whole.file_name().is_none() { whole.canonicalize().unwrap_or(whole) } else { whole };
    let is_folder = matches!(source, ClipSource::Pictures(files) if files.as_slice() != [path.to_path_buf()]);
    let whole = if is_folder { whole } else { whole.with_extension("") };
    let normal = whole.components().filter_map(|part| match part {
        std::path::Component::Normal(part) => Some(part.to_string_lossy().into_owned()),
        _ => None,
    });
    normal.collect()
}
