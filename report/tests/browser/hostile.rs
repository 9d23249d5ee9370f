//! Text of others is text, whatever it looks like; and nothing is asked of the network.

use recoup_report::data::{Command, Comparison, Costs, Input, Mask, Report};
use std::collections::BTreeMap;

use crate::driver::{Look, Page, fashion};

const TEXT: &str = "</script><script>hacked=1</script><img src=http://localhost:9/x onerror=hacked=1>\
                    \"'`${hacked=1} & <!-- ]]> \u{2028}";

/// The example with hostile text wherever there is text.
fn hostile() -> Report {
    let mut report = fashion();
    let text = || TEXT.to_owned();
    let named = |index: usize| format!("{TEXT}{index}");
    report.title = text();
    for (index, network) in report.networks.iter_mut().enumerate() {
        network.name = named(index);
        (network.data, network.preprocess) = (text(), text());
        network.layers.iter_mut().for_each(|layer| layer.layer = format!("{TEXT}{}", layer.layer));
        network.histograms.iter_mut().for_each(|shown| shown.layer = text());
    }
    let networks = report.networks.iter_mut().map(|network| &mut network.results);
    for results in networks.chain(report.mean.as_mut()) {
        for (index, design) in results.designs.iter_mut().enumerate() {
            design.name = named(index);
            (design.multiplier, design.family) = (named(index), text());
            (design.variant, design.note) = (text(), text());
            (design.control_variate, design.control_function) = (text(), Some(text()));
        }
        results.designs[3].assessment = None;
    }
    report.multipliers = vec![Mask { name: text(), mask: 0xff, coding: text() }];
    for (index, design) in report.hardware.iter_mut().enumerate() {
        design.name = named(index);
        design.energy_parts_fj = BTreeMap::from([(text(), 1.0), ("b".to_owned(), 2.0)]);
    }
    report.comparisons =
        vec![Comparison { quantity: text(), paper: text(), here: text(), comment: text() }];
    let provenance = &mut report.provenance;
    (provenance.version, provenance.notes) = (text(), vec![text()]);
    provenance.commands = vec![Command { command: text(), date: text() }];
    provenance.inputs = vec![Input { role: text(), name: text(), sha256: text() }];
    provenance.costs = Some(Costs {
        structure: text(),
        power_over_plain: Some(0.6),
        library: text(),
        clock_ps: 1000.0,
        array: text(),
        stimulus: text(),
        tools: BTreeMap::from([(text(), text())]),
        command: text(),
        date: text(),
        notes: vec![text()],
    });
    report
}

#[test]
fn hostile_text_is_inert() {
    let page = Page::open(&hostile());
    page.filter("view", "1");
    page.hover("#chart-tradeoff .mark");
    assert!(page.value::<bool>("typeof hacked === 'undefined'"));
    assert_eq!(page.count("img") + page.count("main script"), 0);
    assert_eq!(page.text("h1"), TEXT);
    assert!(page.text("#tooltip").starts_with(TEXT));
    assert!(page.text("#chart-layers").contains("</script>"));
    assert_eq!(page.problems(), [""; 0]);
}

/// The other tests see no problem because there is none, not because they cannot see any.
#[test]
fn problems_are_noticed() {
    let html = "<!doctype html><img src=http://localhost:9/x><script>
        console.warn('careful'); setTimeout(() => { throw new Error('thrown') });</script>";
    let page = Page::html(html, Look::default());
    let expected = ["request: http://localhost:9/x", "careful", "thrown"];
    let mut problems = String::new();
    for _ in 0..100 {
        problems = page.problems().join("\n");
        if expected.iter().all(|text| problems.contains(text)) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("{problems}");
}

/// Whatever got into the page as a script or a request would still be stopped.
#[test]
fn the_policy_stops_what_is_not_ours() {
    let html = recoup_report::render(&fashion());
    let html = html
        .replace("</main>", "<script>hacked=1</script><img src=\"http://localhost:9/x\"></main>");
    let page = Page::html(&html, Look::default());
    assert!(page.value::<bool>("typeof hacked === 'undefined'"));
    let blocked = |problem: &&String| problem.contains("Content Security Policy");
    let problems = page.problems();
    assert!(problems.iter().filter(blocked).count() >= 2, "{problems:?}");
}
