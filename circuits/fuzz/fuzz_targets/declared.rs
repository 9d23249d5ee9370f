#![no_main]
//! Metrics in comments.

use libfuzzer_sys::fuzz_target;
use recoup_circuits::{
    Metrics,
    table::{check, declared_metrics},
};

fuzz_target!(|comments: &str| {
    let declared = declared_metrics(comments);
    let metrics =
        Metrics { mae: 53.3, wce: 255, ep: 0.746, mre: 0.044, mse: 5461.75, mean_error: 0.0 };
    for mismatch in check(&declared, &metrics) {
        assert!(!mismatch.to_string().is_empty());
    }
});
