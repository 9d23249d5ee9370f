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
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Text,
    Integer,
    Real,
    Boolean,
}

/// The columns: the fields of [`Line`].
const COLUMNS: [(&str, Kind); 27] = [
    ("model", Kind::Text),
    ("multiplier", Kind::Text),
    ("control_variate", Kind::Text),
    ("control_function", Kind::Text),
    ("activation_bits", Kind::Integer),
    ("weight_bits", Kind::Integer),
    ("quantization", Kind::Text),
    ("exact_ends", Kind::Boolean),
    ("weights", Kind::Text),
    ("relative_power", Kind::Real),
    ("energy_nj", Kind::Real),
    ("relative_energy", Kind::Real),
    ("noise_to_signal", Kind::Real),
    ("status", Kind::Text),
    ("reason", Kind::Text),
    ("images", Kind::Integer),
    ("top1", Kind::Real),
    ("loss", Kind::Real),
    ("loss_low", Kind::Real),
    ("loss_high", Kind::Real),
    ("confidence", Kind::Real),
    ("verdict", Kind::Text),
    ("images_to_decide", Kind::Integer),
    ("elapsed_s", Kind::Real),
    ("worker", Kind::Text),
    ("key", Kind::Text),
    ("identity", Kind::Text),
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
        Kind::Text => format!("optional binary {name} (UTF8);"),
        Kind::Integer => format!("optional int64 {name};"),
        Kind::Real => format!("optional double {name};"),
        Kind::Boolean => format!("optional boolean {name};"),
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
            Kind::Text => {
                let texts = column.iter().filter_map(|value| value.as_str());
                let texts: Vec<ByteArray> = texts.map(ByteArray::from).collect();
                out.typed::<ByteArrayType>().write_batch(&texts, levels, None)?;
            }
            Kind::Integer => {
                let numbers: Vec<i64> = column.iter().filter_map(|value| value.as_i64()).collect();
                out.typed::<Int64Type>().write_batch(&numbers, levels, None)?;
            }
            Kind::Real => {
                let numbers: Vec<f64> = column.iter().filter_map(|value| value.as_f64()).collect();
                out.typed::<DoubleType>().write_batch(&numbers, levels, None)?;
            }
            Kind::Boolean => {
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
