//! Files beside the model that hold its tensors.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path};

use recoup_circuits::regular_file;

use super::check::text::{plain, shown};
use super::error::ModelErrorKind;
use super::pb;
use super::pb::tensor_proto::{DataLocation, DataType};
use super::tensor::element_bits;

/// Moves the data of tensors that lie in files into the model. Only files in `folder` or below it
/// are read.
///
/// # Errors
/// When a location leads elsewhere, or a file is missing or too short.
pub(super) fn load(proto: &mut pb::ModelProto, folder: &Path) -> Result<(), ModelErrorKind> {
    let graph = proto.graph.as_mut().expect("checked by the caller");
    for tensor in tensors(graph) {
        if tensor.data_location == DataLocation::External as i32 {
            load_tensor(tensor, folder)?;
        }
    }
    Ok(())
}

/// Every tensor of a graph: initializers, and those in the attributes of nodes and in graphs inside.
fn tensors(graph: &mut pb::GraphProto) -> Vec<&mut pb::TensorProto> {
    let mut found: Vec<_> = graph.initializer.iter_mut().collect();
    for attribute in graph.node.iter_mut().flat_map(|node| &mut node.attribute) {
        found.extend(attribute.t.iter_mut().chain(&mut attribute.tensors));
        found.extend(attribute.g.iter_mut().flat_map(tensors));
    }
    found
}

fn load_tensor(tensor: &mut pb::TensorProto, folder: &Path) -> Result<(), ModelErrorKind> {
    let entry = |key: &str| {
        let mut entries = tensor.external_data.iter();
        entries.find(|entry| entry.key == key).map(|entry| entry.value.clone())
    };
    let file = entry("location").unwrap_or_default();
    let fail = |problem: String| ModelErrorKind::ExternalData {
        tensor: shown(&tensor.name),
        file: shown(&file),
        problem: plain(&problem),
    };
    let relative = Path::new(&file);
    let below = relative.components().all(|part| matches!(part, Component::Normal(_)));
    if file.is_empty() || !below {
        return Err(fail("is not a place below the model's own folder".into()));
    }
    let location = folder.join(relative);
    let real = |path: &Path| {
        path.canonicalize().map_err(|error| fail(format!("cannot be read ({error})")))
    };
    if !real(&location)?.starts_with(real(folder)?) {
        return Err(fail("is a link out of the model's own folder".into()));
    }
    let number = |key: &str| match entry(key) {
        None => Ok(None),
        Some(text) => text
            .parse::<u64>()
            .map(Some)
            .map_err(|_| fail(format!("has the {key} \"{text}\", which is no number"))),
    };
    let (offset, length) = (number("offset")?.unwrap_or(0), number("length")?);
    let bits = DataType::try_from(tensor.data_type).ok().and_then(element_bits);
    let bytes = tensor
        .dims
        .iter()
        .try_fold(bits.unwrap_or(8), |bits, &dim| bits.checked_mul(usize::try_from(dim).ok()?))
        .map(|bits| bits.div_ceil(8))
        .ok_or_else(|| fail(format!("has data for the impossible shape {:?}", tensor.dims)))?;
    let mut opened =
        regular_file(&location).map_err(|error| fail(format!("cannot be read ({error})")))?;
    let size = opened.metadata().map_err(|error| fail(format!("cannot be read ({error})")))?.len();
    if length.is_some_and(|length| length != bytes as u64)
        || offset.saturating_add(bytes as u64) > size
    {
        return Err(fail(format!(
            "has {size} bytes, but the tensor needs {bytes} from byte {offset} on"
        )));
    }
    let mut data = vec![0; bytes];
    opened
        .seek(SeekFrom::Start(offset))
        .and_then(|_| opened.read_exact(&mut data))
        .map_err(|error| fail(format!("cannot be read ({error})")))?;
    tensor.raw_data = data;
    tensor.data_location = DataLocation::Default as i32;
    tensor.external_data.clear();
    Ok(())
}
