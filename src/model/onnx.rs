//! The ONNX file itself: reading, decoding, and the checks that come before any graph.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tract_onnx::data_resolver::FopenDataResolver;
use tract_onnx::pb;
use tract_onnx::pb::tensor_proto::{DataLocation, DataType};
use tract_onnx::prelude::{Framework, Tensor};

use super::error::{ModelError, ModelErrorKind};

/// The newest operator set that import accepts; tract is tested up to 18, and newer sets differ
/// in operators that networks for images do not use.
const NEWEST_OPSET: i64 = 22;
const OLDEST_OPSET: i64 = 9;

/// A decoded ONNX file.
pub struct OnnxFile {
    /// Where it was read from, or a label for an embedded model.
    pub path: PathBuf,
    /// SHA-256 of the bytes, hexadecimal.
    pub sha256: String,
    pub(crate) proto: pb::ModelProto,
}

impl OnnxFile {
    /// Reads and decodes `path`.
    ///
    /// # Errors
    /// When the file is missing, is no ONNX model or has an unknown operator set.
    pub fn open(path: &Path) -> Result<Self, ModelError> {
        let bytes = std::fs::read(path)
            .map_err(|error| ModelError { path: path.into(), kind: ModelErrorKind::Read(error) })?;
        Self::from_bytes(&bytes, path)
    }

    /// Decodes a model that is already in memory; `path` names it in messages and is where
    /// external tensor data is looked for.
    ///
    /// # Errors
    /// As [`OnnxFile::open`].
    pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self, ModelError> {
        let fail = |kind| ModelError { path: path.into(), kind };
        let proto = tract_onnx::onnx()
            .proto_model_for_read(&mut &bytes[..])
            .map_err(|error| fail(ModelErrorKind::NotOnnx(error.root_cause().to_string())))?;
        if proto.graph.as_ref().is_none_or(|graph| graph.node.is_empty()) {
            return Err(fail(ModelErrorKind::NotOnnx("it holds no graph".into())));
        }
        let opset = opset(&proto);
        if !(OLDEST_OPSET..=NEWEST_OPSET).contains(&opset) {
            return Err(fail(ModelErrorKind::Opset(opset, NEWEST_OPSET)));
        }
        Ok(Self { path: path.into(), sha256: hex(&Sha256::digest(bytes)), proto })
    }

    /// Where external tensor data lies.
    pub(crate) fn directory(&self) -> &Path {
        match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        }
    }

    /// The main graph.
    pub(crate) fn graph(&self) -> &pb::GraphProto {
        self.proto.graph.as_ref().expect("checked in from_bytes")
    }

    /// Wraps an error with this file's path.
    pub(crate) fn error(&self, kind: ModelErrorKind) -> ModelError {
        ModelError { path: self.path.clone(), kind }
    }

    /// All initializers, by name; external data is read from beside the model.
    pub(crate) fn initializers(&self) -> Result<HashMap<String, Arc<Tensor>>, ModelError> {
        self.graph()
            .initializer
            .iter()
            .map(|proto| Ok((proto.name.clone(), Arc::new(self.tensor(proto)?))))
            .collect()
    }

    /// One tensor of the file.
    pub(crate) fn tensor(&self, proto: &pb::TensorProto) -> Result<Tensor, ModelError> {
        let bad = |reason: String| {
            self.error(ModelErrorKind::NotOnnx(format!("tensor \"{}\": {reason}", proto.name)))
        };
        let data_type = DataType::try_from(proto.data_type)
            .map_err(|_| bad(format!("unknown data type {}", proto.data_type)))?;
        let width = element_bytes(data_type).ok_or_else(|| {
            bad(format!("data type {} is not supported", data_type.as_str_name()))
        })?;
        let bytes = proto
            .dims
            .iter()
            .try_fold(width, |bytes, &dim| bytes.checked_mul(usize::try_from(dim).ok()?))
            .ok_or_else(|| bad(format!("its shape {:?} is impossible", proto.dims)))?;
        let external = proto.data_location == Some(DataLocation::External as i32);
        if external {
            self.check_external(proto, bytes)?;
        } else if !proto.raw_data.is_empty() && proto.raw_data.len() != bytes {
            return Err(bad(format!(
                "{} bytes of data where its shape {:?} needs {}",
                proto.raw_data.len(),
                proto.dims,
                bytes
            )));
        }
        tract_onnx::tensor::load_tensor(&FopenDataResolver, proto, self.directory().to_str())
            .map_err(|error| bad(error.root_cause().to_string()))
    }

    /// External data must exist and be long enough, or the message should say so plainly.
    fn check_external(&self, proto: &pb::TensorProto, bytes: usize) -> Result<(), ModelError> {
        let entry = |key: &str| {
            let mut entries = proto.external_data.iter();
            entries.find(|entry| entry.key == key).map(|entry| entry.value.clone())
        };
        let file = entry("location").unwrap_or_default();
        let fail = |problem: String| {
            self.error(ModelErrorKind::ExternalData {
                tensor: proto.name.clone(),
                file: file.clone(),
                problem,
            })
        };
        let location = self.directory().join(&file);
        let metadata = std::fs::metadata(&location)
            .map_err(|error| fail(format!("cannot be read ({error})")))?;
        let offset: u64 = entry("offset").and_then(|text| text.parse().ok()).unwrap_or(0);
        let length = entry("length").and_then(|text| text.parse::<u64>().ok());
        if length.is_some_and(|length| length != bytes as u64)
            || offset.saturating_add(bytes as u64) > metadata.len()
        {
            return Err(fail(format!(
                "has {} bytes, but the tensor needs {bytes} from byte {offset} on",
                metadata.len()
            )));
        }
        Ok(())
    }
}

fn opset(proto: &pb::ModelProto) -> i64 {
    proto
        .opset_import
        .iter()
        .find(|import| import.domain.is_empty() || import.domain == "ai.onnx")
        .map_or(0, |import| import.version)
}

fn element_bytes(data_type: DataType) -> Option<usize> {
    Some(match data_type {
        DataType::Bool | DataType::Uint8 | DataType::Int8 => 1,
        DataType::Float16 | DataType::Uint16 | DataType::Int16 => 2,
        DataType::Float | DataType::Int32 | DataType::Uint32 => 4,
        DataType::Double | DataType::Int64 | DataType::Uint64 => 8,
        _ => return None,
    })
}

/// Lower-case hexadecimal, as hashes are written.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
