//! What a reader does: filter, sort, point, and move with the keyboard.

use recoup_report::data::{Kind, Results};

use crate::driver::{Look, Page, fashion};

const DOTS: &str = "#chart-tradeoff svg :not(g)[aria-label]";
const ROWS: &str =
    "[...document.querySelectorAll('#designs-table tbody tr')].filter(row => row.offsetParent)";

fn rows(page: &Page) -> usize {
    page.value(&format!("{ROWS}.length"))
}

/// Unknown powers and failures aside, scatter and table have the same designs.
fn shown(page: &Page) -> usize {
    let (dots, rows) = (page.count(DOTS), rows(page));
    assert_eq!(dots, rows);
    rows
}

fn of_kind(results: &Results, kind: Kind) -> usize {
    results.designs.iter().filter(|design| design.kind == kind).count()
}

#[test]
fn filters_act_on_scatter_and_table() {
    let report = fashion();
    let mean = report.mean.as_ref().expect("a mean");
    let page = Page::open(&report);
    assert_eq!(shown(&page), mean.designs.len());

    page.click("#filters [value='without-v']");
    assert_eq!(shown(&page), mean.designs.len() - of_kind(mean, Kind::WithoutV));
    page.filter("family", "=truncated");
    let truncated = mean.designs.iter().filter(|design| design.family == "truncated");
    let corrected = truncated.filter(|design| design.kind == Kind::WithV).count();
    assert_eq!(shown(&page), corrected);
    page.click("#filters [type='reset']");
    page.settle();
    assert_eq!(shown(&page), mean.designs.len());

    page.filter("view", "1");
    let second = &report.networks[1].results;
    assert_eq!(shown(&page), second.designs.len());
    assert!(page.text("#chart-layers").contains(&report.networks[1].name));

    page.click("#filters [name='under']");
    let surely_under = |limit: f64| {
        let under = second.designs.iter().filter(|design| {
            let upper = design.assessment.as_ref().expect("evaluated").interval[1];
            design.kind == Kind::Reference || upper < limit
        });
        under.count()
    };
    assert_eq!(shown(&page), surely_under(report.max_loss));
    page.filter("limit", "2");
    assert_eq!(shown(&page), surely_under(2.0));
    assert!(surely_under(2.0) > surely_under(report.max_loss));
    assert_eq!(
        page.text("#designs-count"),
        format!("{} of {} designs.", surely_under(2.0), second.designs.len())
    );
    assert_eq!(page.problems(), [""; 0]);
}

#[test]
fn headings_sort_the_table() {
    let page = Page::open(&fashion());
    let power = "thead th:nth-child(4)";
    let column = format!("{ROWS}.map(row => Number(row.cells[3].dataset.value))");
    let rising = |values: &[f64]| values.is_sorted();
    page.click(&format!("{power} button"));
    assert!(rising(&page.value::<Vec<f64>>(&column)));
    page.click(&format!("{power} button"));
    let mut falling: Vec<f64> = page.value(&column);
    falling.reverse();
    assert!(rising(&falling));
    let sorts: Vec<String> = page
        .value("[...document.querySelectorAll('#designs-table thead th')].map(th => th.ariaSort)");
    assert_eq!(sorts.iter().filter(|sort| *sort == "descending").count(), 1);
    page.click("thead th:nth-child(2) button");
    let names: Vec<String> = page.value(&format!("{ROWS}.map(row => row.cells[1].textContent)"));
    let first = |family: &str| names.iter().position(|name| name.starts_with(family));
    assert!(first("exact") < first("perforated") && first("recursive") < first("truncated"));
}

#[test]
fn keyboard_and_mouse_show_the_configuration() {
    let report = fashion();
    let page = Page::open(&report);
    let tooltip = "(document.getElementById('tooltip').hidden ? '' : document.getElementById('tooltip').textContent)";
    let mark = "document.activeElement.matches('.mark')";
    assert_eq!(page.value::<String>(tooltip), "");

    // Tab goes through links and filters to the chart's only stop.
    page.run("document.querySelector('#filters [type=reset]').focus()");
    page.press("Tab");
    assert!(
        page.value::<bool>(mark),
        "{}",
        page.value::<String>("document.activeElement.outerHTML")
    );
    let first: String = page.value(tooltip);
    let names: Vec<&str> = report
        .mean
        .as_ref()
        .expect("a mean")
        .designs
        .iter()
        .map(|design| design.name.as_str())
        .collect();
    assert!(names.iter().any(|name| first.starts_with(name)), "{first}");
    assert!(first.contains("array power"), "{first}");

    page.press("ArrowRight");
    let second: String = page.value(tooltip);
    assert!(page.value::<bool>(mark) && second != first && !second.is_empty(), "{second}");
    let powers = format!(
        "[...document.querySelectorAll({DOTS:?})].map(mark => parseFloat(/array power ([0-9.]+)/.exec(mark.ariaLabel)[1]))"
    );
    assert!(page.value::<Vec<f64>>(&powers).is_sorted(), "arrows go from left to right");
    page.press("End");
    page.press("ArrowRight");
    assert!(page.value::<bool>(mark));
    page.press("Escape");
    assert_eq!(page.value::<String>(tooltip), "");
    page.press("Home");
    assert_eq!(page.value::<String>(tooltip), first);
    assert_eq!(page.count(&format!("{DOTS}[tabindex='0']")), 1);

    page.run("document.activeElement.blur()");
    assert_eq!(page.value::<String>(tooltip), "");
    page.hover("#chart-networks svg :not(g)[aria-label]");
    assert!(page.value::<String>(tooltip).contains("array power"));
    assert_eq!(page.problems(), [""; 0]);
}

#[test]
fn the_tooltip_stays_on_the_screen() {
    let page = Page::look(&fashion(), Look { width: 390, ..Look::default() });
    let outside: u32 = page.value(
        "[...document.querySelectorAll('#chart-tradeoff .mark, #chart-networks .mark')].filter((mark) => {
            mark.focus();
            const box = document.getElementById('tooltip').getBoundingClientRect();
            return box.left < 0 || box.right > innerWidth || box.top < 0 || box.bottom > innerHeight;
        }).length",
    );
    assert_eq!(outside, 0);
}

#[test]
fn the_theme_can_be_chosen() {
    let page = Page::look(&fashion(), Look { scheme: "dark", ..Look::default() });
    let background = "getComputedStyle(document.body).backgroundColor";
    let text = || page.text("#theme");
    let (dark, light) = ("rgb(20, 23, 27)", "rgb(255, 255, 255)");
    assert_eq!(
        (text().as_str(), page.value::<String>(background).as_str()),
        ("Theme: system", dark)
    );
    page.click("#theme");
    assert_eq!(
        (text().as_str(), page.value::<String>(background).as_str()),
        ("Theme: light", light)
    );
    page.click("#theme");
    assert_eq!((text().as_str(), page.value::<String>(background).as_str()), ("Theme: dark", dark));
    page.click("#theme");
    assert_eq!(text(), "Theme: system");
}
