//! Results as Apache Parquet.

use std::sync::Arc;

use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::Value;

use super::Line;

/// Physical types of columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// UTF-8.
    Text,
    /// 64 bits, signed.
    Integer,
    /// Of double precision.
    Real,
    /// True or false.
    Boolean,
}

/// The columns: the fields of [`Line`].
pub const COLUMNS: [(&str, ColumnKind); 28] = [
    ("model", ColumnKind::Text),
    ("multiplier", ColumnKind::Text),
    ("control_variate", ColumnKind::Text),
    ("control_function", ColumnKind::Text),
    ("activation_bits", ColumnKind::Integer),
    ("weight_bits", ColumnKind::Integer),
    ("quantization", ColumnKind::Text),
    ("weight_codes", ColumnKind::Text),
    ("exact_ends", ColumnKind::Boolean),
    ("weights", ColumnKind::Text),
    ("relative_power", ColumnKind::Real),
    ("energy_nj", ColumnKind::Real),
    ("relative_energy", ColumnKind::Real),
    ("noise_to_signal", ColumnKind::Real),
    ("status", ColumnKind::Text),
    ("reason", ColumnKind::Text),
    ("images", ColumnKind::Integer),
    ("top1", ColumnKind::Real),
    ("loss", ColumnKind::Real),
    ("loss_low", ColumnKind::Real),
    ("loss_high", ColumnKind::Real),
    ("confidence", ColumnKind::Real),
    ("verdict", ColumnKind::Text),
    ("images_to_decide", ColumnKind::Integer),
    ("elapsed_s", ColumnKind::Real),
    ("worker", ColumnKind::Text),
    ("key", ColumnKind::Text),
    ("identity", ColumnKind::Text),
];

/// A Parquet file with one row group.
///
/// # Errors
/// When the library refuses the rows.
///
/// # Panics
/// Never: lines are plain data.
pub fn parquet(lines: &[Line]) -> Result<Vec<u8>, ParquetError> {
    let rows: Vec<Value> =
        lines.iter().map(|line| serde_json::to_value(line).expect("plain data")).collect();
    let fields = COLUMNS.map(|(name, kind)| match kind {
        ColumnKind::Text => format!("optional binary {name} (UTF8);"),
        ColumnKind::Integer => format!("optional int64 {name};"),
        ColumnKind::Real => format!("optional double {name};"),
        ColumnKind::Boolean => format!("optional boolean {name};"),
    });
    let schema = parse_message_type(&format!("message results {{ {} }}", fields.join(" ")))?;
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema), properties)?;
    let mut group = writer.next_row_group()?;
    for (name, kind) in COLUMNS {
        let column: Vec<&Value> = rows.iter().map(|row| &row[name]).collect();
        let mut out = group.next_column()?.expect("as many columns as the schema has");
        let levels: Vec<i16> = column.iter().map(|value| i16::from(!value.is_null())).collect();
        let levels = Some(&levels[..]);
        match kind {
            ColumnKind::Text => {
                let texts = column.iter().filter_map(|value| value.as_str());
                let texts: Vec<ByteArray> = texts.map(ByteArray::from).collect();
                out.typed::<ByteArrayType>().write_batch(&texts, levels, None)?;
            }
            ColumnKind::Integer => {
                let numbers: Vec<i64> = column.iter().filter_map(|value| value.as_i64()).collect();
                out.typed::<Int64Type>().write_batch(&numbers, levels, None)?;
            }
            ColumnKind::Real => {
                let numbers: Vec<f64> = column.iter().filter_map(|value| value.as_f64()).collect();
                out.typed::<DoubleType>().write_batch(&numbers, levels, None)?;
            }
            ColumnKind::Boolean => {
                let flags: Vec<bool> = column.iter().filter_map(|value| value.as_bool()).collect();
                out.typed::<BoolType>().write_batch(&flags, levels, None)?;
            }
        }
        out.close()?;
    }
    group.close()?;
    writer.into_inner()
}

#[cfg(test)]
mod tests {
    use parquet::file::reader::{FileReader, SerializedFileReader};

    use super::*;
    use crate::export::tests::line;

    #[test]
    fn columns_are_the_fields_of_a_line() {
        let Value::Object(fields) = serde_json::to_value(line()).unwrap() else { panic!() };
        let mut names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        let mut expected: Vec<&str> = fields.keys().map(String::as_str).collect();
        expected.sort_unstable();
        assert_eq!(names, expected);
    }

    #[test]
    fn another_reader_finds_the_rows() {
        let failed = Line { loss: None, verdict: None, ..line() };
        let bytes = parquet(&[line(), failed]).unwrap();
        let reader = SerializedFileReader::new(bytes::Bytes::from(bytes)).unwrap();
        let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 2);
        assert!(rows[0].to_string().contains("loss: 0.25"), "{}", rows[0]);
        assert!(rows[1].to_string().contains("loss: null"), "{}", rows[1]);
    }
}
