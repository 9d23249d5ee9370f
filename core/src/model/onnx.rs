//! The ONNX file itself: reading, decoding, and the checks that come before any graph.

use std::path::{Path, PathBuf};

use prost::Message;
use sha2::{Digest, Sha256};

use crate::numeric::hex;

use super::error::{ModelError, ModelErrorKind};
use super::legal::Constants;
use super::{check, external, legal, pb};

/// A decoded ONNX file.
pub struct OnnxFile {
    /// Where it was read from, or a label for an embedded model.
    pub path: PathBuf,
    /// SHA-256 of the bytes, hexadecimal.
    pub sha256: String,
    /// The model as [`legal::prepare`] leaves it.
    pub(crate) proto: pb::ModelProto,
    /// The data of its initializers.
    pub(crate) constants: Constants,
}

impl OnnxFile {
    /// Reads and decodes `path`.
    ///
    /// # Errors
    /// When the file is missing, is no ONNX model or has an unknown operator set.
    pub fn open(path: &Path) -> Result<Self, ModelError> {
        let bytes = recoup_circuits::read_bytes(path)
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
        let mut proto = pb::ModelProto::decode(bytes)
            .map_err(|error| fail(ModelErrorKind::NotOnnx(error.to_string())))?;
        if proto.graph.is_none() {
            return Err(fail(ModelErrorKind::NotOnnx("it holds no graph".into())));
        }
        legal::write_out(&mut proto).map_err(fail)?;
        check::model(&proto).map_err(|problem| fail(problem.into()))?;
        external::load(&mut proto, directory(path)).map_err(fail)?;
        let opset = opset(&proto.opset_import);
        let graph = proto.graph.as_mut().expect("checked above");
        let constants = legal::prepare(graph, opset).map_err(fail)?;
        Ok(Self { path: path.into(), sha256: hex(&Sha256::digest(bytes)), proto, constants })
    }

    /// The main graph.
    pub(crate) fn graph(&self) -> &pb::GraphProto {
        self.proto.graph.as_ref().expect("checked in from_bytes")
    }

    /// Wraps an error with this file's path.
    pub(crate) fn error(&self, kind: ModelErrorKind) -> ModelError {
        ModelError { path: self.path.clone(), kind }
    }
}

/// Where external tensor data lies.
fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The version of ONNX's own operators.
pub(crate) fn opset(imports: &[pb::OperatorSetIdProto]) -> i64 {
    let own = imports.iter().find(|import| check::is_onnx(&import.domain));
    own.map_or(0, |import| import.version)
}
