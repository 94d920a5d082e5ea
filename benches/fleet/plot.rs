//! Cost against the size of the fleet, as a picture.

use crate::growth::Cost;
use plotters::prelude::*;
use std::error::Error;
use std::path::Path;

/// A line of the picture: its name, its colour, and what it shows.
type Line = (&'static str, RGBColor, fn(&Cost) -> f64);

const TIMES: [Line; 2] = [
    ("a durable alarm, through driver and SQLite", RGBColor(200, 80, 30), |cost| cost.durable.median),
    ("an alarm of the sweep, store in memory", RGBColor(30, 100, 200), |cost| cost.sweep.median),
];

const BYTES: [Line; 2] =
    [("on disk", RGBColor(200, 80, 30), |cost| cost.disk), ("in memory", RGBColor(30, 100, 200), |cost| cost.memory)];

pub(crate) fn draw(costs: &[Cost], file: &Path) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::new(file, (760, 760)).into_drawing_area();
    root.fill(&WHITE)?;
    let (above, below) = root.split_vertically(380);
    panel(&above, "Microseconds for each instance", costs, &TIMES)?;
    panel(&below, "Bytes for each instance", costs, &BYTES)?;
    root.present()?;
    Ok(())
}

fn panel(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    title: &str,
    costs: &[Cost],
    lines: &[Line],
) -> Result<(), Box<dyn Error>> {
    let values = || lines.iter().flat_map(|(_, _, of)| costs.iter().map(of));
    let (least, most) = (values().fold(f64::MAX, f64::min), values().fold(0.0, f64::max));
    let sizes = costs.iter().map(|cost| cost.instances as f64);
    let (few, many) = (sizes.clone().fold(f64::MAX, f64::min), sizes.fold(0.0, f64::max));
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(64)
        .build_cartesian_2d((few * 0.9..many * 1.1).log_scale(), (least / 2.0..most * 4.0).log_scale())?;
    let instances = |x: &f64| format!("{x:.0}");
    chart.configure_mesh().x_desc("instances").x_label_formatter(&instances).light_line_style(WHITE).draw()?;
    for (name, colour, of) in lines {
        let points: Vec<(f64, f64)> = costs.iter().map(|cost| (cost.instances as f64, of(cost))).collect();
        let colour = *colour;
        chart
            .draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?
            .label(*name)
            .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 18, y)], colour.stroke_width(2)));
        chart.draw_series(points.into_iter().map(|point| Circle::new(point, 3, colour.filled())))?;
    }
    chart.configure_series_labels().position(SeriesLabelPosition::UpperRight).border_style(BLACK).draw()?;
    Ok(())
}
