//! The activation codes that layers multiply.

/// How often each activation code takes part in a product of a layer (padding included).
pub type CodeHistogram = [u64; 256];

/// The share of each code.
pub(super) fn distribution(codes: &CodeHistogram) -> [f64; 256] {
    let total = codes.iter().sum::<u64>().max(1) as f64;
    codes.map(|count| count as f64 / total)
}

/// The activation codes that one layer multiplies.
#[derive(Clone, Debug, PartialEq)]
pub struct SeenCodes {
    /// Of all products, padding included, eq. (3.7).
    pub all: CodeHistogram,
    /// By input channel; none where only `all` is known.
    pub channels: Option<ChannelCodes>,
    /// The weight bytes that some images brought, one after the other, for a layer that each image
    /// brings its own.
    pub loaded: Vec<u8>,
    /// The same of such a layer with its operands exchanged.
    pub exchanged: Option<Box<SeenCodes>>,
}

/// The activation codes of each input channel of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelCodes {
    /// How often each code of a channel takes part in a product, padding left out.
    pub counts: Vec<[u32; 256]>,
    /// Activations of a channel that were looked at.
    pub samples: u64,
    /// The share of padding among the activations of each tap of the kernel.
    pub padding: Vec<f64>,
    /// The code of padding.
    pub zero_point: u8,
}

/// Samples that the codes of all channels count for beside a channel's own, eq. (3.17): m.
const PRIOR_SAMPLES: f64 = 8.0;

impl SeenCodes {
    /// Nothing is known of channels.
    pub fn pooled(all: CodeHistogram) -> Self {
        Self { all, channels: None, loaded: Vec::new(), exchanged: None }
    }

    /// By input channel, for so many groups of them.
    pub(super) fn of_groups(&self, groups: usize) -> Option<&ChannelCodes> {
        self.channels.as_ref().filter(|channels| channels.counts.len() >= groups.max(1))
    }
}

impl ChannelCodes {
    /// The distribution of each channel's codes, eq. (3.17): drawn towards that of all channels, the
    /// more the fewer samples there are.
    pub(super) fn distributions(&self) -> Vec<[f64; 256]> {
        let mut all = [0u64; 256];
        for counts in &self.counts {
            all.iter_mut().zip(counts).for_each(|(all, &count)| *all += u64::from(count));
        }
        let total = all.iter().sum::<u64>().max(1) as f64;
        let own = self.samples as f64;
        let of_channel = |counts: &[u32; 256]| {
            let seen = counts.iter().map(|&count| u64::from(count)).sum::<u64>().max(1) as f64;
            std::array::from_fn(|code| {
                let share = f64::from(counts[code]) / seen;
                let prior = all[code] as f64 / total;
                (own * share + PRIOR_SAMPLES * prior) / (own + PRIOR_SAMPLES)
            })
        };
        self.counts.iter().map(of_channel).collect()
    }
}
