//! Loss curves from a run's `metrics.csv` (written by `train`): which columns make which plot.

use super::input::LossPlot;
use crate::report::plot::Series;

/// A `metrics.csv` that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MetricsError {
    /// No column of steps.
    #[error("metrics.csv: the header has no column 'step'; train again or remove the file")]
    NoStep,
    /// A row that is not CSV.
    #[error("metrics.csv: {0}; remove what is broken or train again")]
    Csv(#[from] csv::Error),
    /// A field that is not a number.
    #[error("metrics.csv, line {line}, column {column}: '{value}' is not a number; correct or remove the line")]
    Number {
        /// 1-based line.
        line: u64,
        /// The column's name.
        column: String,
        /// What stands there.
        value: String,
    },
}

/// Name of the curve of held-out footage.
pub(super) const HELD_OUT: &str = "held out";

/// Plots: title, and (column, name of the curve).
const PLOTS: [(&str, &[(&str, &str)]); 6] = [
    ("Contextual loss", &[("contextual", "training"), ("validation", HELD_OUT)]),
    ("Adversarial loss", &[("adversarial", "training")]),
    ("Latent loss", &[("latent", "training")]),
    ("Discriminator's loss", &[("discriminator", "whole"), ("real", "real"), ("fake", "reconstructed")]),
    ("Learning rate", &[("g_lr", "generator"), ("d_lr", "discriminator")]),
    ("Test AUC (selection on it is not strict)", &[("test_auc", "test set")]),
];

/// The plots of a `metrics.csv`; columns that it lacks or that hold nothing are passed over, so are columns not known here.
///
/// # Errors
/// [`MetricsError`]: no steps, broken rows, fields that are not numbers.
pub fn loss_plots(text: &str) -> Result<Vec<LossPlot>, MetricsError> {
    let columns = read_columns(text)?;
    let series = |(column, name): &(&str, &str)| {
        let points = columns.iter().find(|other| other.name == *column).map(|other| other.points.clone())?;
        (!points.is_empty()).then(|| Series { name: (*name).into(), points })
    };
    let plot =
        |(title, curves): &(&str, &[(&str, &str)])| LossPlot { title: (*title).into(), series: curves.iter().filter_map(series).collect() };
    Ok(PLOTS.iter().map(plot).filter(|plot| !plot.series.is_empty()).collect())
}

/// A column that is plotted, over steps.
struct Column {
    name: String,
    at: usize,
    points: Vec<(f64, f64)>,
}

fn read_columns(text: &str) -> Result<Vec<Column>, MetricsError> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers()?.clone();
    let step = header.iter().position(|name| name == "step").ok_or(MetricsError::NoStep)?;
    let known = |name: &str| PLOTS.iter().any(|(_, curves)| curves.iter().any(|(column, _)| *column == name));
    let plotted = header.iter().enumerate().filter(|(_, name)| known(name));
    let mut columns: Vec<Column> = plotted.map(|(at, name)| Column { name: name.into(), at, points: Vec::new() }).collect();
    for record in reader.records() {
        let record = record?;
        let Some(x) = number(&record, step, "step")? else { continue };
        for column in &mut columns {
            column.points.extend(number(&record, column.at, &column.name)?.map(|y| (x, y)));
        }
    }
    Ok(columns)
}

fn number(record: &csv::StringRecord, at: usize, column: &str) -> Result<Option<f64>, MetricsError> {
    let field = record.get(at).unwrap_or("").trim();
    if field.is_empty() {
        return Ok(None);
    }
    let wrong = |_| MetricsError::Number {
        line: record.position().map_or(0, csv::Position::line),
        column: column.into(),
        value: field.chars().take(40).collect(),
    };
    field.parse().map(Some).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_become_plots() {
        let text = "step,epoch,contextual,validation,test_auc,new\n0,0,,0.5,,1\n1,0,0.25,,,2\n2,0,0.125,0.4,,3\n";
        let plots = loss_plots(text).unwrap();
        assert_eq!(plots.len(), 1);
        assert_eq!(plots[0].title, "Contextual loss");
        assert_eq!(plots[0].series[0].points, [(1.0, 0.25), (2.0, 0.125)]);
        assert_eq!((plots[0].series[1].name.as_str(), plots[0].series[1].points.len()), ("held out", 2));
    }

    #[test]
    fn faults_are_named_by_line_and_column() {
        let message = loss_plots("step,latent\n1,0.5\n2,garbage\n").unwrap_err().to_string();
        assert!(message.contains("line 3, column latent: 'garbage'"), "{message}");
        assert!(matches!(loss_plots("a,b\n1,2\n"), Err(MetricsError::NoStep)));
        assert!(matches!(loss_plots("step,latent\n1,2,3\n"), Err(MetricsError::Csv(_))));
        assert!(matches!(loss_plots(""), Err(MetricsError::NoStep)));
    }
}
