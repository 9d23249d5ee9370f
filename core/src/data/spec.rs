//! The text that names a data source.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::DataError;

/// Where the images are and in which format: `SCHEME:PATH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataSpec {
    /// `cifar10:FILE` or `cifar10:DIR`: the binary version, records of a label byte and
    /// 3 x 32 x 32 pixels. Of a directory, the files `test*.bin` if there are any, else all
    /// `*.bin`, in the order of their names.
    Cifar10(PathBuf),
    /// `cifar100:FILE` or `cifar100:DIR`: as CIFAR-10 with a coarse label byte before the fine
    /// label, which is the one used.
    Cifar100(PathBuf),
    /// `idx:IMAGES,LABELS`: a pair of IDX files of unsigned bytes, plain or gzip. `idx:IMAGES`
    /// has no labels.
    Idx {
        /// N x H x W grey images.
        images: PathBuf,
        /// N labels.
        labels: Option<PathBuf>,
    },
    /// `folder:DIR`: one folder of PNG and JPEG files for each class; the label is the position
    /// of the folder among all, sorted by value if all names are numbers, else by name byte by
    /// byte, as in torchvision's `ImageFolder`. A folder of images alone has no labels.
    Folder(PathBuf),
    /// `npz:FILE`: a NumPy archive with the images `x` and the integer labels `y` of shape N, if
    /// there are any; or with an array for each of a model's inputs, by its name.
    ///
    /// `x` is N x C x H x W, N x H x W x C, N x H x W or N x F, of `u8`, another integer or a
    /// float type. Of four axes the last is the channel if it is 1 or 3 and the second is
    /// neither; else the second is. N x F is an image of one row. What has more axes is taken as
    /// it is, in the shape of the model's input.
    Npz(PathBuf),
}

impl DataSpec {
    /// Whether both name the same files, however their paths are written.
    pub fn same_files(&self, other: &DataSpec) -> bool {
        let paths = |spec: &DataSpec| -> Vec<PathBuf> {
            let paths = match spec {
                DataSpec::Idx { images, labels } => std::iter::once(images).chain(labels).collect(),
                DataSpec::Cifar10(path)
                | DataSpec::Cifar100(path)
                | DataSpec::Folder(path)
                | DataSpec::Npz(path) => vec![path],
            };
            // A path that does not exist stays as it is; opening it will say so.
            paths.into_iter().map(|path| path.canonicalize().unwrap_or(path.clone())).collect()
        };
        std::mem::discriminant(self) == std::mem::discriminant(other) && paths(self) == paths(other)
    }
}

/// The forms for messages and help.
pub const FORMS: &str = "cifar10:FILE|DIR, cifar100:FILE|DIR, idx:IMAGES,LABELS, \
                                idx:IMAGES, folder:DIR, npz:FILE";

impl FromStr for DataSpec {
    type Err = DataError;

    fn from_str(text: &str) -> Result<DataSpec, DataError> {
        let unknown = || DataError::UnknownScheme { text: text.into() };
        let (scheme, place) = text.split_once(':').ok_or_else(unknown)?;
        let malformed = |form| Err(DataError::SpecForm { text: text.into(), form });
        let form = match scheme {
            "cifar10" => "cifar10:FILE|DIR",
            "cifar100" => "cifar100:FILE|DIR",
            "idx" => "idx:IMAGES,LABELS with one comma, or idx:IMAGES",
            "folder" => "folder:DIR",
            "npz" => "npz:FILE",
            _ => return Err(unknown()),
        };
        if place.is_empty() {
            return malformed(form);
        }
        Ok(match scheme {
            "cifar10" => DataSpec::Cifar10(place.into()),
            "cifar100" => DataSpec::Cifar100(place.into()),
            "folder" => DataSpec::Folder(place.into()),
            "npz" => DataSpec::Npz(place.into()),
            _ => match place.split(',').collect::<Vec<_>>()[..] {
                [images, labels] if !images.is_empty() && !labels.is_empty() => {
                    DataSpec::Idx { images: images.into(), labels: Some(labels.into()) }
                }
                [images] => DataSpec::Idx { images: images.into(), labels: None },
                _ => return malformed(form),
            },
        })
    }
}

impl fmt::Display for DataSpec {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            DataSpec::Cifar10(path) => write!(f, "cifar10:{}", path.display()),
            DataSpec::Cifar100(path) => write!(f, "cifar100:{}", path.display()),
            DataSpec::Idx { images, labels: None } => write!(f, "idx:{}", images.display()),
            DataSpec::Idx { images, labels: Some(labels) } => {
                write!(f, "idx:{},{}", images.display(), labels.display())
            }
            DataSpec::Folder(path) => write!(f, "folder:{}", path.display()),
            DataSpec::Npz(path) => write!(f, "npz:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_under_two_spellings_is_the_same() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("x.npz"), b"").unwrap();
        let direct = DataSpec::Npz(folder.path().join("x.npz"));
        let detour = DataSpec::Npz(folder.path().join(".").join("x.npz"));
        assert!(direct.same_files(&detour));
        assert!(!direct.same_files(&DataSpec::Folder(folder.path().join("x.npz"))));
        assert!(!direct.same_files(&DataSpec::Npz(folder.path().join("y.npz"))));
    }

    #[test]
    fn every_form_round_trips() {
        for text in [
            "cifar10:test_batch.bin",
            "cifar100:data/cifar-100-binary",
            "idx:t10k-images-idx3-ubyte.gz,t10k-labels-idx1-ubyte.gz",
            "idx:t10k-images-idx3-ubyte",
            "folder:C:\\images",
            "npz:a,b.npz",
        ] {
            assert_eq!(text.parse::<DataSpec>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn an_unknown_scheme_lists_the_known_ones() {
        for text in ["imagenet:x", "test_batch.bin", ""] {
            let message = text.parse::<DataSpec>().unwrap_err().to_string();
            for scheme in ["cifar10:", "cifar100:", "idx:", "folder:", "npz:"] {
                assert!(message.contains(scheme), "{message}");
            }
        }
    }

    #[test]
    fn a_malformed_place_shows_the_form() {
        for text in ["idx:images,", "idx:,labels", "idx:a,b,c", "idx:", "npz:"] {
            let error = text.parse::<DataSpec>().unwrap_err();
            assert!(matches!(error, DataError::SpecForm { .. }), "{text}");
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
