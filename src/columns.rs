//! Results as columns of a table.

use recoup_explore::export;
pub use recoup_explore::export::ColumnKind;

/// A column, and where its values are in the record of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Their type.
    pub kind: ColumnKind,
    /// The field of the record.
    pub field: &'static str,
    /// The place in the field, where it is a list.
    pub place: Option<usize>,
}

const fn whole(name: &'static str, kind: ColumnKind) -> Column {
    Column { name, kind, field: name, place: None }
}

const fn part(name: &'static str, field: &'static str, place: usize) -> Column {
    Column { name, kind: ColumnKind::Real, field, place: Some(place) }
}

/// The columns of [`crate::records::Row`]: all that are numbers or texts; an interval is two of them.
pub fn design_columns() -> Vec<Column> {
    use ColumnKind::{Boolean, Integer, Real, Text};
    vec![
        whole("multiplier", Text),
        whole("control_variate", Text),
        whole("control_function", Text),
        whole("c_frac", Integer),
        whole("statistics", Text),
        whole("attention_constants", Text),
        whole("loaded_operand", Text),
        whole("activation_bits", Integer),
        whole("weight_bits", Integer),
        whole("quantization", Text),
        whole("rounded_bits", Integer),
        whole("weights", Text),
        whole("weight_codes", Text),
        whole("exact_ends", Boolean),
        whole("top1", Real),
        whole("top5", Real),
        whole("loss_vs_exact", Real),
        part("ci95_low", "ci95", 0),
        part("ci95_high", "ci95", 1),
        whole("mcnemar_p", Real),
        whole("loss_vs_float", Real),
        part("loss_vs_float_ci95_low", "loss_vs_float_ci95", 0),
        part("loss_vs_float_ci95_high", "loss_vs_float_ci95", 1),
        whole("loss_vs_float_mcnemar_p", Real),
        whole("array_power", Real),
        whole("energy_nj", Real),
        whole("relative_energy", Real),
        whole("load_path", Boolean),
        whole("images_per_s", Real),
        whole("identity", Text),
        whole("kernel", Text),
    ]
}

/// The columns of the designs of an exploration, as in its Parquet files.
pub fn exploration_columns() -> Vec<Column> {
    export::COLUMNS.iter().map(|&(name, kind)| whole(name, kind)).collect()
}
