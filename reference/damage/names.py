"""Names that do something to a terminal, a page or a spreadsheet."""

from .network import EITHER, SOUND, case

ESCAPES = "\x1b]0;pwned\x07\x1b[31mRED\x1b[2J\r\nerror: fake line\n"


@case("name_escape_ok", "the Conv's name moves the cursor and fakes an error line", SOUND)
def escape_ok(n):
    n.node("conv").name = ESCAPES


@case("name_escape_bad", "an unknown operator whose name and type hold control characters")
def escape_bad(n):
    n.mid("Frobnicate" + ESCAPES, name=ESCAPES)


@case("name_escape_tensor", "a tensor that nobody makes; its name holds control characters")
def escape_tensor(n):
    n.node("relu").input[0] = "c" + ESCAPES


@case("name_rtl", "names with a right-to-left override and zero-width spaces", SOUND)
def right_to_left(n):
    n.node("conv").name = "gnp.\u202eexe.evil\u200b\u2066"


@case("name_html", "a name that is a script of a page", SOUND)
def html(n):
    n.node("conv").name = "<script>alert(1)</script>\" onload='x' &amp;"


@case("name_csv", "a name that a spreadsheet runs", SOUND)
def formula(n):
    n.node("conv").name = "=HYPERLINK(\"http://example.org\",\"x\")"


@case("name_path", "a name that is a path out of the folder", SOUND)
def path(n):
    n.node("conv").name = "../../../../tmp/outside"


@case("name_long", "a name of 4000 letters", SOUND)
def long_name(n):
    n.node("conv").name = "a" * 4000


@case("name_not_utf8", "a name that is not UTF-8", EITHER)
def not_utf8(n):
    n.node("conv").name = "connection"
    return n.model().SerializeToString().replace(b"connection", b"conn\xff\xfe\x80ion")


@case("batch_name_escape", "the name of the free batch size holds control characters", SOUND)
def batch_name(n):
    n.inputs = [n.info("x", [ESCAPES, 3, 32, 32])]
