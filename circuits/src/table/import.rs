//! A multiplier from a file, with everything that can be checked.

use std::{fmt, io::Read, path::Path};

use super::{
    declared::{Declared, check, declared_metrics},
    error::TableError,
    format::{Format, packing_of_content, packing_of_path},
    mirror::has_mirrored_quadrant,
    options::{ElementType, TableOptions},
    raw::other_width_of_bytes,
    reading::{Reading, interpret},
};
use crate::{Metrics, ProductTable, distance::mean_product, regular_file};

/// A multiplier from a table.
#[derive(Clone, Debug)]
pub struct Import {
    /// The products.
    pub table: ProductTable,
    /// The format of the file.
    pub format: Format,
    /// How the file was read: what was asked for, what it says, what was detected.
    pub reading: Reading,
    /// The error of the multiplier.
    pub metrics: Metrics,
    /// Whether the operands can be exchanged, so that the order of a table does not matter.
    pub symmetric: bool,
    /// The metrics that comments declare. The products have them.
    pub declared: Declared,
    /// What a user should know before trusting the table.
    pub warnings: Vec<Warning>,
}

/// What is odd about a table, but may be meant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Warning {
    /// No reading makes the numbers products, not even roughly.
    NotAProduct {
        /// Mean absolute error of the best reading.
        mae: f64,
        /// That of a multiplier that always gives 0.
        mae_of_zero: f64,
    },
    /// Two negative operands are computed as mul(|a|, |b|).
    MirroredQuadrant,
    /// Numbers that are written with one sign, or with an offset, were read otherwise.
    OtherSign {
        /// The type they were read as.
        element: ElementType,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::NotAProduct { mae, mae_of_zero } => write!(
                f,
                "the table is not close to a product under any reading: mean absolute error \
                 {mae:.0}, where a multiplier that always gives 0 has {mae_of_zero:.0}; check \
                 that it is a table of 8 x 8 bit products, and how it is laid out"
            ),
            Self::MirroredQuadrant => f.write_str(
                "the table has a known defect: where both operands are negative, it holds \
                 mul(|a|, |b|) instead of mul(a, b), as the converter that comes with AdaPT and \
                 TransAxx computes it; this is not the circuit. Make the table again from the \
                 circuit (its Verilog or C file), with every operand as its byte",
            ),
            Self::OtherSign { element: ElementType::Offset16 } => f.write_str(
                "the numbers make a multiplier only if they are its products + 32768, and were \
                 read so; say so with the type of the table, offset16",
            ),
            Self::OtherSign { element } => write!(
                f,
                "the products are written with another sign, but make a multiplier only if their \
                 16 bits are read as {element}; say so with the type of the table"
            ),
        }
    }
}

/// Reads the multiplier in a file. The extension names the format; without a known one, the
/// content does.
///
/// Never reads more than the largest table of the format.
///
/// # Errors
/// If the file cannot be read, is no table, or contradicts itself or the options.
pub fn read_table(path: &Path, options: &TableOptions) -> Result<Import, TableError> {
    if let Some(kind) = packing_of_path(path) {
        return Err(TableError::Compressed { path: path.into(), kind });
    }
    let named = Format::of_path(path);
    let largest = Format::ALL.map(Format::max_bytes).into_iter().fold(0, usize::max);
    let bytes = read_at_most(path, named.map_or(largest, Format::max_bytes))?;
    import_table(&bytes, path, options)
}

/// Takes the multiplier from the bytes of a file; `path` is for its extension and for messages.
///
/// # Errors
/// If they are no table, or contradict themselves or the options.
pub fn import_table(
    bytes: &[u8],
    path: &Path,
    options: &TableOptions,
) -> Result<Import, TableError> {
    if let Some(kind) = packing_of_content(bytes) {
        return Err(TableError::Compressed { path: path.into(), kind });
    }
    let format = Format::of_path(path).or_else(|| Format::of_content(bytes));
    let format = format.ok_or_else(|| TableError::UnknownFormat {
        path: path.into(),
        found: match path.extension() {
            Some(extension) => format!("a file .{}", extension.display()),
            None => format!("{} bytes of unknown content", bytes.len()),
        },
    })?;
    let cells = format
        .parse(bytes, options.element)
        .map_err(|source| TableError::Malformed { path: path.into(), source })?;
    let interpreted = interpret(&cells, options)
        .map_err(|source| TableError::Contradiction { path: path.into(), source })?;
    let (table, reading) = (interpreted.table, interpreted.reading);

    let metrics = Metrics::of(&table);
    let declared = declared_metrics(cells.comments());
    let mirrored = has_mirrored_quadrant(&table);
    let mismatches = check(&declared, &metrics);
    if !mismatches.is_empty() {
        return Err(TableError::Declared { path: path.into(), mismatches, mirrored });
    }
    let mae_of_zero = mean_product(reading.operands);
    let warnings = [
        (metrics.mae >= mae_of_zero)
            .then_some(Warning::NotAProduct { mae: metrics.mae, mae_of_zero }),
        mirrored.then_some(Warning::MirroredQuadrant),
        interpreted.other_sign.then_some(Warning::OtherSign { element: reading.element }),
    ];
    Ok(Import {
        symmetric: table.is_symmetric(),
        warnings: warnings.into_iter().flatten().collect(),
        table,
        format,
        reading,
        metrics,
        declared,
    })
}

/// The bytes of a file, if there are at most `limit`.
fn read_at_most(path: &Path, limit: usize) -> Result<Vec<u8>, TableError> {
    let failed = |source| TableError::Read { path: path.into(), source };
    let too_large = |found, hint| TableError::TooLarge { path: path.into(), found, limit, hint };
    let file = regular_file(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    if length > limit as u64 {
        return Err(too_large(format!("{length} bytes"), other_width_of_bytes(length)));
    }
    let mut bytes = Vec::new();
    // Files such as those of /proc are longer than they say.
    file.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > limit {
        return Err(too_large(format!("more than {limit} bytes"), String::new()));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{
        Operands,
        table::{WriteOptions, write_table},
    };

    #[test]
    fn files_are_read_up_to_the_size_of_a_table() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let table = ProductTable::exact(Operands::Unsigned);
        let bytes = write_table(&table, Format::Raw, &WriteOptions::default()).unwrap();
        fs::write(path("good.bin"), bytes).unwrap();
        assert!(read_table(&path("good.bin"), &TableOptions::default()).unwrap().table == table);

        // A file with a hole: nothing is read of it.
        for name in ["huge.bin", "huge.npy", "huge.csv", "huge.h", "huge"] {
            let file = fs::File::create(path(name)).unwrap();
            file.set_len(1 << 40).unwrap();
            let error = read_table(&path(name), &TableOptions::default()).unwrap_err().to_string();
            assert!(error.contains("found 1099511627776 bytes, expected at most "), "{error}");
        }
        let missing = read_table(&path("missing.bin"), &TableOptions::default()).unwrap_err();
        assert!(
            matches!(missing, TableError::Read { .. })
                && missing.to_string().contains("missing.bin")
        );
        fs::create_dir(path("folder.csv")).unwrap();
        assert!(matches!(
            read_table(&path("folder.csv"), &TableOptions::default()),
            Err(TableError::Read { .. })
        ));
    }

    /// A device has no length, and this one no end.
    #[cfg(unix)]
    #[test]
    fn devices_are_refused() {
        let error = read_table(Path::new("/dev/zero"), &TableOptions::default()).unwrap_err();
        let message = error.to_string();
        assert_eq!(
            message,
            "/dev/zero: cannot be read: found a device, expected a file; copy it to one"
        );
    }
}
