//! Images, or other arrays, that are in memory already.

use std::fmt;
use std::sync::Arc;

use recoup_circuits::npy::{Element, Kind};

use super::dataset::Content;
use super::pixels::{ImageShape, Layout};
use super::records::{Part, Records};
use super::store::Store;
use super::{ArrayInfo, DataError, Dataset, Pixels};

/// What stands for a file in messages.
const NAME: &str = "arrays in memory";

/// Records of equal shape, one after the other.
#[derive(Debug, Clone)]
pub struct MemoryArray {
    /// The model's input that it is for; of a model with one input any name.
    pub name: String,
    /// Number of records, and the extents of one: `[records, channels, rows, columns]`, or other
    /// extents that the model's input has. `[records, rows, columns, channels]` are images, too, of
    /// one or three channels.
    pub shape: Vec<usize>,
    /// All elements, the last axis fastest.
    pub elements: Elements,
}

/// The elements of an array in memory.
#[derive(Clone)]
pub struct Elements {
    kind: Kind,
    bytes: Arc<dyn AsRef<[u8]> + Send + Sync>,
}

impl Elements {
    /// Elements of this type, in the byte order of the machine, in the memory of somebody else.
    pub fn lent(kind: Kind, bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        Self { kind, bytes: Arc::new(bytes) }
    }
}

impl From<Pixels> for Elements {
    fn from(pixels: Pixels) -> Self {
        match pixels {
            Pixels::U8(bytes) => Self::lent(Kind::U8, bytes),
            Pixels::F32(values) => {
                let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_ne_bytes()).collect();
                Self::lent(Kind::F32, bytes)
            }
        }
    }
}

impl fmt::Debug for Elements {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = (*self.bytes).as_ref().len();
        formatter.debug_struct("Elements").field("kind", &self.kind).field("bytes", &bytes).finish()
    }
}

impl Dataset {
    /// A data set of arrays in memory: one, or one for each input of a model, with the classes of
    /// the records, counted from 0, if they are known.
    ///
    /// # Errors
    /// When sizes do not agree, or there is nothing.
    pub fn from_arrays(
        arrays: Vec<MemoryArray>,
        labels: Option<Vec<u32>>,
    ) -> Result<Dataset, DataError> {
        let Some(first) = arrays.first() else {
            return Err(DataError::Empty { name: NAME.into() });
        };
        let count = first.shape.first().copied().unwrap_or(0);
        let labelled = labels.iter().map(|labels| ("the labels", labels.len()));
        let others = arrays.iter().map(|array| {
            let records = array.shape.first().copied().unwrap_or(0);
            (array.name.as_str(), records)
        });
        if let Some((name, found)) = labelled.chain(others).find(|(_, found)| *found != count) {
            let problem = format!("{found} records where {} has {count}", first.name);
            return Err(DataError::Memory { name: name.into(), problem });
        }
        let by_name = arrays.len() > 1;
        let mut infos = Vec::new();
        let mut records = Vec::new();
        for array in arrays {
            let shape = array.shape.get(1..).unwrap_or_default().to_vec();
            infos.push(ArrayInfo { name: array.name.clone(), shape });
            records.push(Arc::new(array.records()?));
        }
        let content = match by_name {
            true => Content::Arrays(records),
            false => Content::Records(records.remove(0)),
        };
        let dataset = Dataset::new(NAME.into(), content, count, labels)?;
        Ok(dataset.of_arrays(infos, "give the classes beside the arrays"))
    }
}

impl MemoryArray {
    fn records(self) -> Result<Records, DataError> {
        let Self { name, shape, elements } = self;
        let Elements { kind, bytes } = elements;
        let element = Element { kind, big_endian: cfg!(target_endian = "big") };
        let found = (*bytes).as_ref().len() / element.bytes();
        let refused = |problem: String| DataError::Memory { name: name.clone(), problem };
        if shape.iter().try_fold(1_usize, |all, &extent| all.checked_mul(extent)) != Some(found) {
            return Err(refused(format!("{found} elements, which the shape {shape:?} has not")));
        }
        let (image, layout) = record_shape(&shape).ok_or_else(|| {
            refused(format!("the shape {shape:?}; expected records of one axis or more, not empty"))
        })?;
        Ok(Records {
            parts: vec![Part {
                path: NAME.into(),
                store: Store::Memory(bytes).into(),
                first: 0,
                offset: 0,
            }],
            stride_bytes: (image.elements() * element.bytes()) as u64,
            element,
            shape: image,
            layout,
        })
    }
}

/// The shape and layout of one record of an array, which is an image where it has at most three
/// axes. Of one with more, those after the second are one: it is used in its own shape only.
pub(super) fn record_shape(extents: &[usize]) -> Option<(ImageShape, Layout)> {
    let is_channels = |extent| extent == 1 || extent == 3;
    let (channels, height, width, layout) = match *extents {
        [_, features] => (1, 1, features, Layout::Chw),
        [_, height, width] => (1, height, width, Layout::Chw),
        [_, height, width, channels] if is_channels(channels) && !is_channels(height) => {
            (channels, height, width, Layout::Hwc)
        }
        [_, channels, height, ref rest @ ..] => {
            (channels, height, rest.iter().product(), Layout::Chw)
        }
        _ => return None,
    };
    // No record at all is reported by the caller, as for every format.
    let empty = extents[1..].contains(&0);
    (!empty).then_some((ImageShape { channels, height, width }, layout))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Preprocess;

    fn array(name: &str, shape: &[usize], elements: Pixels) -> MemoryArray {
        MemoryArray { name: name.into(), shape: shape.to_vec(), elements: elements.into() }
    }

    /// Of each type, the same numbers.
    #[test]
    fn elements_are_lent_in_any_type() {
        let numbers = [1_i8, -2, 3, 4, -5, 6];
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_ne_bytes()).collect();
        let long: Vec<u8> =
            numbers.iter().flat_map(|number| i64::from(*number).to_ne_bytes()).collect();
        for elements in [Elements::lent(Kind::I8, bytes), Elements::lent(Kind::I64, long)] {
            let array = MemoryArray { name: "x".into(), shape: vec![2, 3], elements };
            let data = Dataset::from_arrays(vec![array], None).unwrap();
            assert_eq!(data.read(1).unwrap().image.pixels, Pixels::F32(vec![4.0, -5.0, 6.0]));
            // A clone reads the same memory.
            assert_eq!(data.clone().read(0).unwrap(), data.read(0).unwrap());
        }
    }

    #[test]
    fn arrays_are_as_good_as_files() {
        let pixels: Vec<u8> = (0..2 * 3 * 4 * 5).map(|value| value as u8).collect();
        for (shape, first) in [([2, 3, 4, 5], [0.0, 20.0, 40.0]), ([2, 4, 5, 3], [0.0, 1.0, 2.0])] {
            let images = vec![array("x", &shape, Pixels::U8(pixels.clone()))];
            let data = Dataset::from_arrays(images, Some(vec![7, 1])).unwrap();
            assert_eq!((data.len(), data.labels().unwrap()), (2, &[7, 1][..]));
            let preprocessor = data.preprocessor(&Preprocess::default(), &[3, 4, 5]).unwrap();
            let mut input = vec![0.0; 60];
            data.read_input(0, &preprocessor, &mut input).unwrap();
            assert_eq!([input[0], input[20], input[40]], first);
            data.read_input(1, &preprocessor, &mut input).unwrap();
            assert_eq!(input[0], 60.0);
        }
        let several = vec![
            array("b", &[2, 2], Pixels::F32(vec![0.5, 1.0, 1.5, 2.0])),
            array("a", &[2, 1], Pixels::F32(vec![3.0, 4.0])),
        ];
        let data = Dataset::from_arrays(several, None).unwrap();
        assert_eq!(data.read_array(1, 0).unwrap(), [1.5, 2.0]);
        assert_eq!(data.read_array(1, 1).unwrap(), [4.0]);
        assert!(data.labels().is_err());
        let turned = data.for_inputs(&["a", "b"]).unwrap();
        assert_eq!(turned.arrays()[0].name, "a");
        assert_eq!(turned.read_array(1, 1).unwrap(), [1.5, 2.0]);
        let message = turned.for_inputs(&["a", "c"]).unwrap_err().to_string();
        assert!(message.contains("array c in memory: the model has this input"), "{message}");
    }

    #[test]
    fn what_does_not_agree_is_refused() {
        let floats = |count: usize| Pixels::F32(vec![0.0; count]);
        let refused = |arrays: Vec<MemoryArray>, labels: Option<Vec<u32>>, parts: &[&str]| {
            let message = Dataset::from_arrays(arrays, labels).unwrap_err().to_string();
            parts.iter().for_each(|part| assert!(message.contains(part), "{part}: {message}"));
        };
        refused(vec![], None, &["no images"]);
        refused(vec![array("x", &[0, 3], floats(0))], None, &["no images"]);
        refused(vec![array("x", &[2, 3], floats(5))], None, &["x", "5 elements", "[2, 3]"]);
        refused(vec![array("x", &[2], floats(2))], None, &["x", "[2]", "one axis or more"]);
        refused(vec![array("x", &[2, 0], floats(0))], None, &["x", "not empty"]);
        let huge = [usize::MAX, usize::MAX];
        refused(vec![array("x", &huge, floats(1))], None, &["1 elements"]);
        let two = || array("x", &[2, 3], floats(6));
        refused(vec![two()], Some(vec![1]), &["the labels", "1 records where x has 2"]);
        let three = array("y", &[3, 1], floats(3));
        refused(vec![two(), three], None, &["y", "3 records where x has 2"]);
        let nan = array("x", &[1, 2], Pixels::F32(vec![1.0, f32::NAN]));
        let data = Dataset::from_arrays(vec![nan], None).unwrap();
        assert!(data.read(0).unwrap_err().to_string().contains("arrays in memory"));
    }
}
