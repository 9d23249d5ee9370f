//! An opened set of images or arrays.

use std::path::Path;
use std::sync::Arc;

use super::cifar::{self, CifarKind};
use super::folder::Folder;
use super::npz::{Archive, NamedRecords};
use super::pixels::{ImageShape, Layout, Pixels};
use super::records::Records;
use super::{DataError, DataSpec, Image, ImageInfo, Preprocess, Preprocessor, idx, npz};

/// Channel, row and column.
const IMAGE_AXES: usize = 3;

/// An image and its class.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The image as stored, before any preprocessing.
    pub image: Image,
    /// The class, counted from 0; none in data without labels.
    pub label: Option<u32>,
}

/// An array of an npz file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrayInfo {
    /// Its name: a model's input, or `x` for images.
    pub name: String,
    /// Extents of one record, which is all but the first of the array's own.
    pub shape: Vec<usize>,
}

/// An opened set of images or arrays, with random access from any thread. Clones share what was read
/// and decompressed.
#[derive(Clone, Debug)]
pub struct Dataset {
    name: String,
    len: usize,
    content: Content,
    labels: Option<Vec<u32>>,
    /// What has been added to the labels.
    label_offset: i64,
    /// How this source gets labels.
    label_remedy: &'static str,
    classes: Option<usize>,
    /// Of an npz file.
    arrays: Vec<ArrayInfo>,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    Records(Arc<Records>),
    Folder(Arc<Folder>),
    /// Arrays by the names of a model's inputs.
    Arrays(Vec<Arc<Records>>),
}

impl Dataset {
    /// Opens the data set and checks what can be checked without decoding every image: sizes,
    /// counts, labels, checksums of compressed files.
    pub fn open(spec: &DataSpec) -> Result<Dataset, DataError> {
        let dataset = Dataset::open_headers(spec)?;
        dataset.load()?;
        Ok(dataset)
    }

    /// The same without decompressing images or comparing their checksums, so that
    /// [`preprocessor`](Self::preprocessor) and [`check_outputs`](Self::check_outputs) can refuse
    /// them before; that is done by [`load`](Self::load), or when the first image is read.
    pub fn open_headers(spec: &DataSpec) -> Result<Dataset, DataError> {
        let name = spec.to_string();
        match spec {
            DataSpec::Cifar10(path) | DataSpec::Cifar100(path) => {
                let (kind, classes) = match spec {
                    DataSpec::Cifar10(_) => (CifarKind::Cifar10, 10),
                    _ => (CifarKind::Cifar100, 100),
                };
                let (records, labels) = cifar::open(path, kind)?;
                let content = Content::Records(records.into());
                let dataset = Dataset::new(name, content, labels.len(), Some(labels))?;
                Ok(Dataset { classes: Some(classes), ..dataset })
            }
            DataSpec::Idx { images, labels } => {
                let (records, len, labels) = idx::open(images, labels.as_deref())?;
                let dataset = Dataset::new(name, Content::Records(records.into()), len, labels)?;
                Ok(Dataset { label_remedy: "write idx:IMAGES,LABELS", ..dataset })
            }
            DataSpec::Npz(path) => Dataset::of_archive(name, npz::open(path, None)?, false),
            DataSpec::Folder(path) => {
                let (folder, labels) = Folder::open(path)?;
                let classes = labels.as_ref().map(|_| folder.class_names().len());
                let len = folder.len();
                let dataset = Dataset::new(name, Content::Folder(folder.into()), len, labels)?;
                let label_remedy = "put the images into one folder for each class";
                Ok(Dataset { classes, label_remedy, ..dataset })
            }
        }
    }

    /// Opens data for a model with inputs of these names: of an npz file an array for each of
    /// them, in the same order, and the labels `y` if there are any (unless `y` is an input).
    /// For one input, other data as [`open_headers`](Self::open_headers) does, and also an npz
    /// file with images `x`; the array by the name of the only input is as good as `x`.
    pub fn open_inputs(spec: &DataSpec, inputs: &[&str]) -> Result<Dataset, DataError> {
        match spec {
            DataSpec::Npz(path) => match inputs {
                // What is in neither array is said of `x`, the usual one.
                [input] if npz::has_images(path)? || !npz::has(path, input)? => {
                    Dataset::open_headers(spec)
                }
                _ => {
                    let archive = npz::open(path, Some(inputs))?;
                    Dataset::of_archive(spec.to_string(), archive, inputs.len() != 1)
                }
            },
            _ if inputs.len() != 1 => {
                Err(DataError::SeveralInputs { name: spec.to_string(), inputs: inputs.len() })
            }
            _ => Dataset::open_headers(spec),
        }
    }

    /// The same data for a model with inputs of these names, in whose order its arrays are then.
    ///
    /// # Errors
    /// When several arrays have other names.
    pub fn for_inputs(mut self, inputs: &[&str]) -> Result<Dataset, DataError> {
        let Content::Arrays(records) = &mut self.content else {
            return match inputs {
                [_] => Ok(self),
                _ => Err(DataError::SeveralInputs { name: self.name, inputs: inputs.len() }),
            };
        };
        let place = |name: &&str| {
            let found = self.arrays.iter().position(|array| array.name == *name);
            found.ok_or_else(|| {
                let names: Vec<_> = self.arrays.iter().map(|array| array.name.as_str()).collect();
                let problem = format!("the model has this input, the data {}", names.join(", "));
                DataError::Memory { name: (*name).to_owned(), problem }
            })
        };
        let places: Vec<usize> = inputs.iter().map(place).collect::<Result<_, _>>()?;
        *records = places.iter().map(|&place| records[place].clone()).collect();
        self.arrays = places.iter().map(|&place| self.arrays[place].clone()).collect();
        Ok(self)
    }

    /// A data set from the bytes of an IDX image file and an IDX label file, plain or gzip,
    /// such as `include_bytes!` gives. `name` stands for the files in messages.
    pub fn idx_from_bytes(name: &str, images: &[u8], labels: &[u8]) -> Result<Dataset, DataError> {
        let (records, labels) = idx::from_bytes(Path::new(name), images, labels)?;
        Dataset::new(name.to_owned(), Content::Records(records.into()), labels.len(), Some(labels))
    }

    fn of_archive(name: String, archive: Archive, by_name: bool) -> Result<Dataset, DataError> {
        let Archive { arrays, count, labels } = archive;
        let (arrays, mut records): (Vec<_>, Vec<_>) = arrays
            .into_iter()
            .map(|NamedRecords { name, shape, records }| (ArrayInfo { name, shape }, records))
            .unzip();
        let content = match by_name {
            true => Content::Arrays(records.into_iter().map(Arc::new).collect()),
            false => Content::Records(records.remove(0).into()),
        };
        let dataset = Dataset::new(name, content, count, labels)?;
        let label_remedy = "add the classes as array y: numpy.savez(file, x=images, y=labels)";
        Ok(dataset.of_arrays(arrays, label_remedy))
    }

    /// With these arrays, and the way to give it labels.
    pub(super) fn of_arrays(self, arrays: Vec<ArrayInfo>, label_remedy: &'static str) -> Dataset {
        Dataset { arrays, label_remedy, ..self }
    }

    pub(super) fn new(
        name: String,
        content: Content,
        len: usize,
        labels: Option<Vec<u32>>,
    ) -> Result<Dataset, DataError> {
        if len == 0 {
            return Err(DataError::Empty { name });
        }
        Ok(Dataset {
            name,
            len,
            content,
            labels,
            label_offset: 0,
            label_remedy: "",
            classes: None,
            arrays: Vec::new(),
        })
    }

    /// Decompresses the images of compressed files and compares their checksums, if that has not
    /// been done.
    pub fn load(&self) -> Result<(), DataError> {
        match &self.content {
            Content::Records(records) => records.load(),
            Content::Folder(_) => Ok(()),
            Content::Arrays(arrays) => arrays.iter().try_for_each(|records| records.load()),
        }
    }

    /// Numbers the class folders in the order of `file`, which has the name of one in each line.
    /// The images keep their numbers.
    pub fn order_classes(mut self, file: &Path) -> Result<Dataset, DataError> {
        match (&mut self.content, &mut self.labels) {
            (Content::Folder(folder), Some(labels)) => {
                Arc::make_mut(folder).order_classes(file, labels)?;
            }
            _ => {
                let path = file.to_owned();
                return Err(DataError::ClassesWithoutFolders { path, name: self.name });
            }
        }
        self.name = format!("{}, classes of {}", self.name, file.display());
        Ok(self)
    }

    /// Adds `offset` to all labels: 1 for a network whose first output is a background class.
    pub fn offset_labels(mut self, offset: i64) -> Result<Dataset, DataError> {
        self.labels()?;
        for (index, label) in self.labels.iter_mut().flatten().enumerate() {
            let moved = i64::from(*label).checked_add(offset);
            *label = moved.and_then(|label| u32::try_from(label).ok()).ok_or_else(|| {
                DataError::LabelOffset { name: self.name.clone(), index, label: *label, offset }
            })?;
        }
        self.label_offset += offset;
        self.name = format!("{}, labels {offset:+}", self.name);
        Ok(self)
    }

    /// What the labels mean: the order of class folders, if a file gives it, and what is added to
    /// them.
    ///
    /// # Errors
    /// As [`Dataset::order_classes`] and [`Dataset::offset_labels`].
    pub fn labelled(self, classes: Option<&Path>, offset: i64) -> Result<Dataset, DataError> {
        let ordered = match classes {
            Some(file) => self.order_classes(file)?,
            None => self,
        };
        match offset {
            0 => Ok(ordered),
            offset => ordered.offset_labels(offset),
        }
    }

    /// The specification the data set was opened with, and what was changed about its labels; or
    /// the name of an embedded one.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of images or other records; never 0.
    #[expect(clippy::len_without_is_empty, reason = "opening an empty set fails")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Number of classes where the format fixes it: CIFAR and class folders.
    pub fn classes(&self) -> Option<usize> {
        self.classes
    }

    /// The folder names in label order; `None` for formats without class names.
    pub fn class_names(&self) -> Option<&[String]> {
        match &self.content {
            Content::Folder(folder) if self.labels.is_some() => Some(folder.class_names()),
            _ => None,
        }
    }

    /// What to tell people about the order of the class folders, where another is as likely the
    /// right one and none was given.
    pub fn class_order_note(&self) -> Option<&str> {
        match &self.content {
            Content::Folder(folder) => folder.note(),
            _ => None,
        }
    }

    /// Size and type of the images; `None` for arrays that are not images: those by the names of
    /// inputs, and those of more axes than an image has.
    pub fn image_info(&self) -> Option<ImageInfo> {
        let is_image = self.arrays.iter().all(|array| array.shape.len() <= IMAGE_AXES);
        match &self.content {
            Content::Records(records) if is_image => Some(records.image_info()),
            Content::Folder(_) => Some(ImageInfo { shape: None, eight_bit: true }),
            _ => None,
        }
    }

    /// The arrays of an npz file that were opened; none for other sources.
    pub fn arrays(&self) -> &[ArrayInfo] {
        &self.arrays
    }

    /// How images become the input of a model, whose shape without the batch is `input`; see
    /// [`Preprocessor::new`]. Records of more than three axes must have that shape and are taken
    /// as they are.
    pub fn preprocessor(
        &self,
        preprocess: &Preprocess,
        input: &[usize],
    ) -> Result<Preprocessor, DataError> {
        if let Some(info) = self.image_info() {
            return Preprocessor::new(preprocess, &info, input);
        }
        let (Content::Records(records), [ArrayInfo { name, shape }]) =
            (&self.content, &self.arrays[..])
        else {
            return Err(self.named_arrays());
        };
        let array = name.clone();
        if shape != input {
            let (found, expected) = (shape.clone(), input.to_vec());
            return Err(DataError::RecordShape { array, found, expected });
        }
        if *preprocess != Preprocess::default() {
            return Err(DataError::RecordPreprocess { array, shape: shape.clone() });
        }
        // In the order of the elements, whatever the last extent is.
        let as_is = Preprocess { layout: Some(Layout::Chw), ..Preprocess::default() };
        let ImageShape { channels, height, width } = records.shape;
        Preprocessor::new(&as_is, &records.image_info(), &[channels, height, width])
    }

    /// The same images or arrays, taken as such.
    pub fn without_labels(self) -> Dataset {
        Dataset { labels: None, ..self }
    }

    /// The classes of all images, counted from 0.
    ///
    /// # Errors
    /// When the data has no labels: then it says how to give them.
    pub fn labels(&self) -> Result<&[u32], DataError> {
        self.labels.as_deref().ok_or_else(|| DataError::NoLabels {
            name: self.name.clone(),
            remedy: self.label_remedy,
        })
    }

    /// Class of the image at `index`, counted from 0; none in data without labels.
    ///
    /// # Panics
    /// If `index` is not below [`len`](Self::len).
    pub fn label(&self, index: usize) -> Option<u32> {
        assert!(index < self.len, "image {index} of {}", self.len);
        self.labels.as_ref().map(|labels| labels[index])
    }

    /// Reads one image and its label.
    ///
    /// # Panics
    /// If `index` is not below [`len`](Self::len).
    pub fn read(&self, index: usize) -> Result<Sample, DataError> {
        let label = self.label(index);
        let image = match &self.content {
            Content::Records(records) => records.read(index)?,
            Content::Folder(folder) => folder.read(index)?,
            Content::Arrays(_) => return Err(self.named_arrays()),
        };
        Ok(Sample { image, label })
    }

    /// Reads one record of the array at position `array` of [`arrays`](Self::arrays), its last
    /// axis fastest.
    ///
    /// # Panics
    /// If `index` is not below [`len`](Self::len), or there is no such array.
    pub fn read_array(&self, index: usize, array: usize) -> Result<Vec<f32>, DataError> {
        assert!(index < self.len, "record {index} of {}", self.len);
        assert!(array < self.arrays.len(), "array {array} of {}", self.arrays.len());
        let records = match &self.content {
            Content::Records(records) => records,
            Content::Arrays(arrays) => &arrays[array],
            Content::Folder(_) => unreachable!("a folder has no arrays"),
        };
        Ok(match records.read(index)?.pixels {
            Pixels::U8(values) => values.into_iter().map(f32::from).collect(),
            Pixels::F32(values) => values,
        })
    }

    /// Reads one image and writes the model input made of it to `input`.
    ///
    /// # Panics
    /// If `index` is not below [`len`](Self::len) or `input` has another length than
    /// [`Preprocessor::elements`].
    pub fn read_input(
        &self,
        index: usize,
        preprocessor: &Preprocessor,
        input: &mut [f32],
    ) -> Result<(), DataError> {
        let sample = self.read(index)?;
        preprocessor.apply(&sample.image, input).map_err(|source| DataError::Unsuited {
            place: match &self.content {
                Content::Folder(folder) => folder.file(index).display().to_string(),
                _ => format!("image {index} of {}", self.name),
            },
            source: Box::new(source),
        })
    }

    /// Checks that the labels, if there are any, mean something to a model with `outputs`
    /// classes: all are below `outputs`, and class folders, with what is added to their labels,
    /// are as many, because their labels are positions and a missing class would shift those
    /// after it.
    pub fn check_outputs(&self, outputs: usize) -> Result<(), DataError> {
        let Some(labels) = &self.labels else { return Ok(()) };
        if let Content::Folder(folder) = &self.content
            && folder.class_names().len() as i64 + self.label_offset != outputs as i64
        {
            return Err(DataError::FolderClassCount {
                path: folder.path().to_owned(),
                classes: folder.class_names().len(),
                outputs,
                offset: self.label_offset,
            });
        }
        match labels.iter().position(|&label| label as usize >= outputs) {
            Some(index) => Err(DataError::LabelBeyondOutputs {
                name: self.name.clone(),
                index,
                label: labels[index],
                outputs,
            }),
            None => Ok(()),
        }
    }

    fn named_arrays(&self) -> DataError {
        let arrays = self.arrays.iter().map(|array| array.name.clone()).collect();
        DataError::NamedArrays { name: self.name.clone(), arrays }
    }
}
