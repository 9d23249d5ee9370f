//! Every chart has the marks that its data ask for, in light and dark, on screens of any width.

use recoup_report::data::{Kind, Report, ShownDesign};

use crate::driver::{Look, Page, fashion};

const MARKS: &str = "svg :not(g)[aria-label]";

fn marks(page: &Page, chart: &str) -> usize {
    page.count(&format!("#chart-{chart} {MARKS}"))
}

fn plotted(designs: &[ShownDesign]) -> usize {
    let plotted =
        |design: &&ShownDesign| design.relative_power.is_some() && design.assessment.is_some();
    designs.iter().filter(plotted).count()
}

/// Whether the page shows all that the report has.
fn check(report: &Report, page: &Page) {
    let mean = report.mean.as_ref().expect("several networks");
    assert_eq!(marks(page, "tradeoff"), plotted(&mean.designs));
    let each = report.networks.iter().map(|network| plotted(&network.results.designs));
    assert_eq!(marks(page, "networks"), each.sum::<usize>());
    let losses = mean
        .designs
        .iter()
        .filter(|design| design.assessment.is_some() && design.kind != Kind::Reference);
    assert_eq!(marks(page, "loss"), losses.count());

    // With the mean, layers are those of the first network.
    let network = &report.networks[0];
    assert_eq!(page.count("#chart-errors .panel"), network.histograms.len());
    let bins = network.histograms.iter().flat_map(|shown| shown.before.iter().chain(&shown.after));
    assert_eq!(marks(page, "errors"), bins.filter(|count| **count > 0).count());
    let cells = network
        .layers
        .iter()
        .map(|layer| usize::from(layer.without_v.is_some()) + usize::from(layer.with_v.is_some()));
    assert_eq!(marks(page, "layers"), cells.sum::<usize>());

    assert_eq!(page.count("figure.dots"), report.multipliers.len());
    let kept: u32 = report.multipliers.iter().map(|multiplier| multiplier.mask.count_ones()).sum();
    assert_eq!(page.count("figure.dots .kept"), kept as usize);
    let parts = report
        .hardware
        .iter()
        .map(|design| design.energy_parts_fj.len().max(1) + design.area_parts_um2.len().max(1));
    assert_eq!(marks(page, "hardware"), parts.sum::<usize>());

    let rows: usize = page.value(
        "[...document.querySelectorAll('#designs-table tbody tr')].filter(row => row.offsetParent).length",
    );
    assert_eq!(rows, mean.designs.len());
    assert_eq!(page.problems(), [""; 0]);
}

#[test]
fn all_charts_are_drawn_in_light_and_dark() {
    let report = fashion();
    let background = "getComputedStyle(document.body).backgroundColor";
    let mut seen = Vec::new();
    for scheme in ["light", "dark"] {
        let page = Page::look(&report, Look { scheme, ..Look::default() });
        check(&report, &page);
        seen.push(page.value::<String>(background));
    }
    assert_eq!(seen, ["rgb(255, 255, 255)", "rgb(20, 23, 27)"]);
}

#[test]
fn nothing_is_wider_than_the_screen() {
    for width in [390, 820, 1280] {
        let page = Page::look(&fashion(), Look { width, ..Look::default() });
        let wide: u32 = page.value("document.documentElement.scrollWidth");
        assert!(wide <= width, "{wide} on a screen of {width}");
        check(&fashion(), &page);
    }
}

/// Labels of an axis that overlap cannot be read.
#[test]
fn labels_do_not_overlap() {
    for width in [390, 1280] {
        let page = Page::look(&fashion(), Look { width, ..Look::default() });
        let overlaps: Vec<String> = page.value(
            "[...document.querySelectorAll('svg g[aria-label*=\"tick label\"]')].flatMap((axis) => {
                const labels = [...axis.querySelectorAll('text')].filter((text) => !/rotate\\(-?[1-9]/.test(text.getAttribute('transform') ?? ''));
                const boxes = labels.map((text) => text.getBoundingClientRect());
                return labels.slice(1).flatMap((text, at) => {
                    const [a, b] = [boxes[at], boxes[at + 1]];
                    const apart = a.right <= b.left || b.right <= a.left || a.bottom <= b.top + 4 || b.bottom <= a.top + 4;
                    return apart ? [] : [`${labels[at].textContent} and ${text.textContent}`];
                });
            })",
        );
        assert_eq!(overlaps, [""; 0], "on a screen of {width}");
    }
}

#[test]
fn print_is_light_and_without_controls() {
    let look = Look { scheme: "dark", media: "print", ..Look::default() };
    let page = Page::look(&fashion(), look);
    let background: String = page.value("getComputedStyle(document.body).backgroundColor");
    assert_eq!(background, "rgb(255, 255, 255)");
    assert!(page.value::<bool>("document.getElementById('filters').offsetParent === null"));
    assert!(page.pdf().starts_with(b"%PDF-"));
    assert_eq!(page.problems(), [""; 0]);
}
