//! The networks of a reproduction on their images.

use anyhow::{Context, Result};
use recoup::Session;
use recoup_core::data::{select, select_others};
use recoup_zoo::{Embedded, confirmation_images, test_images};

use super::ReproduceArgs;

/// The networks on the images on which designs are chosen.
pub fn sessions(args: &ReproduceArgs, networks: &[Embedded]) -> Result<Vec<Session>> {
    let sessions = networks.iter().map(|network| {
        let images =
            args.data.as_ref().map_or_else(test_images, |data| Ok(args.labels.open(data)?))?;
        let indices = select(images.len(), args.images, None)?;
        Ok(network.session_on(images, indices)?)
    });
    sessions.collect()
}

/// The networks on the images that confirm what was chosen. None where there are none, which is said
/// unless it was asked for.
pub fn other_sessions(args: &ReproduceArgs, networks: &[Embedded]) -> Result<Vec<Session>> {
    if args.confirm_images == Some(0) {
        return Ok(Vec::new());
    }
    if networks.len() < 2 {
        eprintln!("nothing is confirmed on other images: that is done for the mean of networks");
        return Ok(Vec::new());
    }
    let mut sessions = Vec::new();
    for network in networks {
        let (images, taken) = match &args.data {
            None => (confirmation_images()?, 0),
            Some(data) => {
                let images = args.labels.open(data)?;
                let taken = args.images.unwrap_or(images.len());
                (images, taken)
            }
        };
        if args.confirm_images.is_none() && taken >= images.len() {
            eprintln!(
                "nothing is confirmed on other images: the choice takes all of {}; --images N leaves \
                 the others for it",
                images.name()
            );
            return Ok(Vec::new());
        }
        let taken: Vec<usize> = (0..taken).collect();
        let indices = select_others(images.len(), &taken, args.confirm_images, None)
            .with_context(|| format!("{}, for --confirm-images", images.name()))?;
        sessions.push(network.session_on(images, indices)?);
    }
    Ok(sessions)
}
