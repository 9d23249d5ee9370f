//! The confirmation of a reproduction's choices on other images.

use crate::progress::Bars;
use anyhow::{Context, Result};
use recoup::search::{Budget, Store};
use recoup::{Exploration, Watch};
use recoup_explore::explorer::{Explorer, Network, Question};
use recoup_explore::recorded::Recorded;
use recoup_study::confirmation;

/// Tests designs on other images, as far as `store` does not have the results.
pub fn confirm(
    store: &mut Store,
    exploration: &Exploration,
    others: &[Network],
    bars: &Bars,
) -> Result<()> {
    let another_run = "another run has begun in run.db meanwhile; run again when it has ended";
    let recorded = Recorded::last(store)?.context(another_run)?;
    let designs = confirmation::designs(&recorded).len();
    let question = Question {
        designs: &[],
        limit: exploration.limit,
        thorough: true,
        // Their layers have been looked at.
        observed_images: 0,
        budget: Budget::default(),
        shard: None,
    };
    let mut explorer = Explorer::new(store, others, question);
    bars.begin("confirming", designs * others.len());
    confirmation::confirm(&recorded, |recorded| {
        let record = &recorded.entry.design;
        let mut results = exploration.networks.iter().flat_map(|network| &network.results);
        let found = results.find(|result| result.record == *record).context(another_run)?;
        let mean = explorer.loss(&found.design, bars)?;
        anyhow::Ok(mean.map(|mean| mean.assessment))
    })?;
    bars.end();
    Ok(())
}
