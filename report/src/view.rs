//! What the page can show at a time: a network, or the mean of all.

use crate::data::{Report, Results};

/// Designs on one network, or their mean over all.
pub struct View<'a> {
    /// What scripts and filters call it: `mean`, or the position of the network.
    pub key: String,
    /// What people call it.
    pub name: String,
    /// The same in a narrow column.
    pub short: &'a str,
    /// Whether it is a network that is in no mean.
    pub beside: bool,
    /// The designs.
    pub results: &'a Results,
}

/// All views, the one that the page opens with first.
pub fn views(report: &Report) -> Vec<View<'_>> {
    let mean = report.mean.iter().map(|results| View {
        key: "mean".to_owned(),
        name: format!(
            "mean of {} networks",
            report.networks.iter().filter(|network| !network.beside).count()
        ),
        short: "mean",
        beside: false,
        results,
    });
    let networks = report.networks.iter().enumerate().map(|(index, network)| View {
        key: index.to_string(),
        name: network.name.clone(),
        short: &network.name,
        beside: network.beside,
        results: &network.results,
    });
    mean.chain(networks).collect()
}
