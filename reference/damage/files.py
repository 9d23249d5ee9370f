"""External data out of bounds (only files in the model's own folder are read), and
bytes that are no model."""

from onnx import TensorProto

from .network import case


def external(name, defect, must="refused", **entries):
    @case(f"external_{name}", f"external data: {defect}", must)
    def build(n):
        tensor = n.tensor("W")
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in entries.items():
            tensor.external_data.add(key=key, value=value)


external("absolute", "an absolute path", location="/etc/passwd")
external("parent", "a path with ..", location="../README.md", offset="0", length="432")
external("parent_inside", "a path that leaves a folder and comes back", location="a/../good.onnx")
external("missing", "a file that does not exist", location="missing.bin")
external("folder", "a folder", location=".")
external("device", "an endless device", location="/dev/zero")
external("none", "no location")
external("empty", "an empty location", location="")
external("beyond", "an offset beyond the file's end", location="good.onnx", offset="1000000")
external("length", "a length that is not the tensor's", location="good.onnx", offset="0",
         length="4")
external("negative", "a negative offset", location="good.onnx", offset="-8", length="432")
external("overflow", "an offset of 2^63", location="good.onnx", offset=str(2**63), length="432")
external("number", "an offset that is no number", location="good.onnx", offset="ten")
external("escape", "a location with control characters", location="\x1b[31m\nmissing.bin")
external("windows", "a path of another system", location="..\\..\\secret.bin")
external("url", "an address", location="http://example.org/weights.bin")


# Bytes that are no model.


@case("file_empty", "an empty file")
def file_empty(n):
    return b""


@case("file_cut", "the first half of a model")
def file_cut(n):
    data = n.model().SerializeToString()
    return data[:len(data) // 2]


@case("file_tail", "a model and zeros after it")
def file_tail(n):
    return n.model().SerializeToString() + bytes(64)


@case("file_text", "a text, as what a download that failed leaves")
def file_text(n):
    return b"<!DOCTYPE html><html><body>404: Not Found</body></html>\n"


@case("file_pointer", "a pointer of Git LFS")
def file_pointer(n):
    return (b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64
            + b"\nsize 123456\n")


@case("file_length", "a length of 2^60 within the file")
def file_length(n):
    data = n.model().SerializeToString()
    return data[:20] + b"\x3a" + b"\xff" * 8 + b"\x0f" + data[20:]
