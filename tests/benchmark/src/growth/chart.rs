//! The picture beside the table: a panel for each thing that grows, both axes by powers of ten, so that a straight line that rises as fast as
//! the grid is what grows as fast as its cause.

use plotters::prelude::*;

use super::Series;

const SIZE: (u32, u32) = (1_200, 780);
const COLOURS: [RGBColor; 2] = [RGBColor(31, 83, 153), RGBColor(176, 74, 16)];

pub fn draw(all: &[Series]) -> String {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&WHITE).unwrap();
        let mut panels: Vec<Vec<&Series>> = vec![];
        for series in all {
            match panels.iter_mut().find(|panel| panel.iter().any(|of| of.grows == series.grows)) {
                Some(panel) => panel.push(series),
                None => panels.push(vec![series]),
            }
        }
        let rows = panels.len().div_ceil(3);
        for (panel, area) in panels.iter().zip(root.split_evenly((rows, 3))) {
            draw_panel(panel, &area);
        }
        root.present().unwrap();
    }
    svg
}

fn draw_panel(panel: &[&Series], area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>) {
    let points = || panel.iter().flat_map(|series| &series.points);
    // Two powers of ten at the least: of fewer, the axis would number each step between.
    let bound = |values: Vec<f64>, above: f64| {
        let low = values.iter().copied().fold(f64::MAX, f64::min).log10().floor();
        let high = values.iter().copied().fold(f64::MIN, f64::max).log10().ceil() + above;
        10_f64.powf(low)..10_f64.powf(high.max(low + 2.0))
    };
    let x = bound(points().map(|point| point.0).collect(), 0.0);
    // Above the highest line stands what the lines are.
    let y = bound(points().map(|point| point.1).collect(), 1.0);
    let mut chart = ChartBuilder::on(area)
        .margin(14)
        .caption(panel[0].grows, ("sans-serif", 17))
        .x_label_area_size(26)
        .y_label_area_size(52)
        .build_cartesian_2d(x.log_scale(), y.log_scale())
        .unwrap();
    let plain = |value: &f64| if *value >= 1.0 { format!("{value:.0}") } else { format!("{value}") };
    chart.configure_mesh().x_label_formatter(&plain).y_label_formatter(&plain).light_line_style(WHITE).draw().unwrap();
    for (series, colour) in panel.iter().zip(COLOURS) {
        let line = LineSeries::new(series.points.iter().copied(), colour.stroke_width(2)).point_size(3);
        chart
            .draw_series(line)
            .unwrap()
            .label(series.counted)
            .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 16, y)], colour.stroke_width(2)));
    }
    let labels = chart.configure_series_labels();
    let mut labels = labels;
    labels
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .border_style(WHITE)
        .draw()
        .unwrap();
}
