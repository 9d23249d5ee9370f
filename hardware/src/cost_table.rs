//! The cost table: area, delay and energy of designs as they were synthesised and simulated, so
//! that power stands beside accuracy without any design tool.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use flate2::bufread::GzDecoder;
use recoup_core::as_text;
use recoup_core::design::Design;
use recoup_core::multiplier::Multiplier;
use recoup_core::quantize::{all_bits, are_all_bits};
use recoup_kernels::WeightCoding;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::cells::CellError;
use crate::rtl::{ClockGating, Options, SHARES};

/// Version of the file.
const VERSION: u32 = 1;

/// Costs of designs, and how each was obtained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CostTable {
    /// Version of the file's format.
    pub version: u32,
    /// The runs that the rows came from.
    pub runs: Vec<CostRun>,
    /// A row per design, array size and stimulus.
    pub costs: Vec<Cost>,
}

/// Where rows come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CostRun {
    /// What rows call it.
    pub id: String,
    /// The cell library.
    pub library: Library,
    /// Clock period at which all designs close, ps.
    pub clock_ps: f64,
    /// Capacitance of the wire to each input that a net drives, fF.
    pub wire_ff_per_sink: f64,
    /// Leakage of the exact 8-bit array over its area, nW/µm²; of other designs it differs little.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leakage_nw_per_um2: Option<f64>,
    /// How it is repeated.
    pub command: String,
    /// Day of the run, as 2026-11-24.
    pub date: String,
    /// Name and version of each tool.
    pub tools: BTreeMap<String, String>,
}

/// A cell library.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Library {
    /// Short name.
    pub name: String,
    /// SHA-256 of each Liberty file as it was given, packed or not.
    pub files: BTreeMap<String, String>,
}

/// What drives the array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stimulus {
    /// Uniform codes of weights and activations.
    Uniform,
    /// Random codes as a network has them, of a layer that fills the array: weights about the middle
    /// of their range with a standard deviation of 25, 45 % of the activations 0, the others
    /// half-normal with 40.
    ReluLike,
    /// Weights and activations of the embedded network, whose layers leave parts of a large array
    /// idle.
    Demo,
}

impl Stimulus {
    /// Those that fill the array, from the one that is most like a network.
    pub const FULL: [Self; 2] = [Self::ReluLike, Self::Uniform];
}

/// An array of unsigned codes, by all that its costs depend on but cells, clock and stimulus. Two are
/// the same if their multipliers have the same identity, whatever these are called.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Array {
    /// The multiplier; in files a specification.
    #[serde(with = "as_text")]
    pub multiplier: Multiplier,
    /// Significant bits of activation codes.
    pub activation_bits: u32,
    /// Significant bits of weight codes.
    #[serde(default = "all_bits", skip_serializing_if = "are_all_bits")]
    pub weight_bits: u32,
    /// The function x of the control variate; none without its hardware.
    pub control: Option<String>,
    /// Rows of the array.
    pub rows: u32,
    /// Columns of the array.
    pub columns: u32,
    /// What its PEs are of.
    #[serde(default, skip_serializing_if = "Structure::is_plain")]
    pub structure: Structure,
}

/// How an array is built, whatever its multiplier. In files it is left out where each PE has one
/// product and registers of its own, which is the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Structure {
    /// Products of a PE.
    pub products_per_pe: usize,
    /// Columns that read one activation register.
    pub share_columns: usize,
    /// Which registers have a gated clock.
    pub clock_gating: ClockGating,
}

impl Structure {
    /// That of the costs that come with this crate: the exact array takes the least power in it, of those that
    /// close at their clock (docs/hardware.md).
    pub const CHOSEN: Self =
        Self { products_per_pe: 4, share_columns: 4, clock_gating: ClockGating::Idle };

    /// An array of the chosen structure: of as many products and columns together as divide its rows and columns.
    pub fn chosen_array(rows: usize, columns: usize, depth: usize) -> Options {
        let dividing = |most: usize, size: usize| {
            let divides = |number: &usize| *number <= most && size.is_multiple_of(*number);
            SHARES.into_iter().rev().find(divides).unwrap_or(1)
        };
        let Self { products_per_pe, share_columns, clock_gating } = Self::CHOSEN;
        Options {
            products_per_pe: dividing(products_per_pe, rows),
            share_columns: dividing(share_columns, columns),
            clock_gating,
            ..Options::new(rows, columns, depth)
        }
    }

    /// That of such arrays.
    pub fn of(options: &Options) -> Self {
        let Options { products_per_pe, share_columns, clock_gating, .. } = *options;
        Self { products_per_pe, share_columns, clock_gating }
    }

    fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// Rows of PEs, and groups of columns in step, of an array of so many rows and columns.
    pub fn steps(&self, rows: usize, columns: usize) -> [usize; 2] {
        [rows / self.products_per_pe.max(1), columns / self.share_columns.max(1)]
    }
}

impl Default for Structure {
    fn default() -> Self {
        Self::of(&Options::new(1, 1, 1))
    }
}

impl fmt::Display for Structure {
    /// As a reader says it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { products_per_pe, share_columns, clock_gating } = self;
        match products_per_pe {
            1 => f.write_str("one product per PE")?,
            products => write!(f, "{products} products per PE")?,
        }
        match share_columns {
            1 => f.write_str(", an activation register per PE")?,
            columns => write!(f, ", {columns} columns to an activation register")?,
        }
        match clock_gating {
            ClockGating::None => f.write_str(", no clock gated"),
            ClockGating::Weights => f.write_str(", clocks of weights gated"),
            ClockGating::Idle => {
                f.write_str(", clocks of weights and of idle rows and columns gated")
            }
        }
    }
}

impl PartialEq for Array {
    fn eq(&self, other: &Self) -> bool {
        self.has_options_of(other) && self.identity() == other.identity()
    }
}

impl Array {
    /// The array of so many rows and columns that runs a design whose control variate uses
    /// `functions`, with unsigned weights; None if they are several, or its multiplier is for signed
    /// ones, of which no table has the costs.
    pub fn new(
        design: &Design,
        functions: &[String],
        [rows, columns]: [u32; 2],
        structure: Structure,
    ) -> Option<Self> {
        let control = match functions {
            [] => None,
            [function] => Some(function.clone()),
            _ => return None,
        };
        design.multiplier.check_coding(WeightCoding::Unsigned).ok()?;
        Some(Self {
            multiplier: design.multiplier.clone(),
            activation_bits: design.activation_bits,
            weight_bits: design.weight_bits,
            control,
            rows,
            columns,
            structure,
        })
    }

    /// Whether it is the same but perhaps for the multiplier.
    fn has_options_of(&self, other: &Self) -> bool {
        let options =
            |it: &Self| (it.activation_bits, it.weight_bits, it.rows, it.columns, it.structure);
        options(self) == options(other) && self.control == other.control
    }

    /// The identity of the multiplier's products.
    pub fn identity(&self) -> String {
        self.multiplier.identity(WeightCoding::Unsigned)
    }

    /// What others of its size are compared with: exact, at 8 bits, without control variate.
    pub fn exact(&self) -> Self {
        Self {
            multiplier: Multiplier::exact(),
            activation_bits: 8,
            weight_bits: 8,
            control: None,
            ..*self
        }
    }
}

/// What a design costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// Which run.
    pub run: String,
    /// The design.
    pub design: Array,
    /// What drove it.
    pub stimulus: Stimulus,
    /// Whether the array was composed of units that were synthesised apart, not synthesised whole.
    pub extrapolated: bool,
    /// Area of one PE, µm².
    pub pe_area_um2: f64,
    /// Longest path of one PE, ps.
    pub pe_delay_ps: f64,
    /// Area of the array with all around it, µm².
    pub area_um2: f64,
    /// The area by part, µm²; empty in tables that do not have it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub area_parts_um2: BTreeMap<String, f64>,
    /// Energy per MAC of the array with all around it, fJ.
    pub energy_fj: f64,
    /// Standard error of the energy, fJ.
    pub energy_standard_error_fj: f64,
    /// The energy by part, fJ per MAC.
    pub parts_fj: BTreeMap<String, f64>,
    /// Energy of loading weights, fJ per weight of the array and cycle of it, without the clock; none in tables from
    /// before it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loading_fj: Option<f64>,
    /// What the array needs more to make constants of what it is loaded with. None without a control
    /// variate, where the array misses the clock with it, and in tables from before it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_path: Option<LoadPathCost>,
}

/// What making constants of loaded codes adds to an array (`rtl::Options::load_constants`).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadPathCost {
    /// Area, µm².
    pub area_um2: f64,
    /// Energy, fJ per MAC: that of its clock, as it holds still while the array computes, and of MAC+
    /// that take a wider C.
    pub energy_fj: f64,
    /// Energy of adding up what is loaded, fJ per PE and cycle of loading, without its clock.
    pub loading_fj: f64,
}

/// Why a cost table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CostError {
    /// Not the file's format.
    #[error("{name}: is no cost table: {source}")]
    Format {
        /// The file.
        name: String,
        /// What is wrong where.
        source: serde_json::Error,
    },
    /// A format that this version does not know.
    #[error("{name}: has version {found} of the format, this program reads {VERSION}")]
    Version {
        /// The file.
        name: String,
        /// Its version.
        found: u32,
    },
    /// A row that names no run.
    #[error("{name}: {multiplier} names the run {run:?}, which the file does not have")]
    Run {
        /// The file.
        name: String,
        /// Of the row.
        multiplier: String,
        /// The unknown run.
        run: String,
    },
}

impl Library {
    /// A library in files, by their names and hashes.
    ///
    /// # Errors
    /// When one cannot be read, and which.
    pub fn of_files(name: &str, paths: &[PathBuf]) -> Result<Self, CellError> {
        let mut files = BTreeMap::new();
        for path in paths {
            let file = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
            let bytes = std::fs::read(path).map_err(|error| CellError::io(path, error))?;
            let hash: String =
                Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            files.insert(file, hash);
        }
        Ok(Self { name: name.to_owned(), files })
    }
}

impl CostTable {
    /// Reads a table; `name` is for errors.
    ///
    /// # Errors
    /// When it is no table of this version, or names unknown runs.
    pub fn parse(name: &str, text: &str) -> Result<Self, CostError> {
        let name = || name.to_owned();
        let table: CostTable = serde_json::from_str(text)
            .map_err(|source| CostError::Format { name: name(), source })?;
        if table.version != VERSION {
            return Err(CostError::Version { name: name(), found: table.version });
        }
        match table.costs.iter().find(|cost| table.run(cost).is_none()) {
            None => Ok(table),
            Some(cost) => Err(CostError::Run {
                name: name(),
                multiplier: cost.design.multiplier.to_string(),
                run: cost.run.clone(),
            }),
        }
    }

    /// The table that comes with this crate: of all families, and of masks beside them.
    ///
    /// # Panics
    /// Never: a test reads the same files.
    pub fn shipped() -> Self {
        let table = |name: &str, packed: &[u8]| {
            let text = std::io::read_to_string(GzDecoder::new(packed)).expect("as it was packed");
            Self::parse(name, &text).expect("a table")
        };
        let families = include_bytes!(concat!(env!("OUT_DIR"), "/costs.json.gz"));
        let masks = include_bytes!(concat!(env!("OUT_DIR"), "/mask_costs.json.gz"));
        table("costs.json", families).with(table("mask_costs.json", masks), "masks")
    }

    /// The rows of another table beside its own, but for those of a design that it has in the same library. The
    /// other's runs get names with `suffix`.
    fn with(mut self, other: Self, suffix: &str) -> Self {
        let id = |id: &str| format!("{id}-{suffix}");
        let is_new = |cost: &&Cost| {
            let library = &other.run(cost).expect("a run of each row").library.name;
            self.find(library, &cost.design, cost.stimulus).is_none()
        };
        let rows = other.costs.iter().filter(is_new);
        let rows: Vec<Cost> = rows.map(|row| Cost { run: id(&row.run), ..row.clone() }).collect();
        self.costs.extend(rows);
        self.runs.extend(other.runs.iter().map(|run| CostRun { id: id(&run.id), ..run.clone() }));
        self
    }

    /// A table of these rows.
    pub fn new(runs: Vec<CostRun>, costs: Vec<Cost>) -> Self {
        CostTable { version: VERSION, runs, costs }
    }

    /// How the arrays of a library are built: the first of its rows says it for all.
    pub fn structure(&self, library: &str) -> Structure {
        let is_of = |cost: &&Cost| self.run(cost).is_some_and(|run| run.library.name == library);
        self.costs.iter().find(is_of).map_or(Structure::CHOSEN, |cost| cost.design.structure)
    }

    /// Power of the exact 8-bit array of a library over that of the plain array, of a product per PE and without
    /// gated clocks, whose rows are those of the library NAME-plain.
    pub fn power_over_plain(&self, library: &str, size: u32) -> Option<f64> {
        let energy_fj = |library: &str| {
            let mut of_size = self.of_size(library, size);
            Some(of_size.find(|cost| cost.design == cost.design.exact())?.energy_fj)
        };
        Some(energy_fj(library)? / energy_fj(&format!("{library}-plain"))?)
    }

    /// The names of the libraries that it has costs of.
    pub fn libraries(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.runs.iter().map(|run| run.library.name.as_str()).collect();
        names.dedup();
        names
    }

    /// Takes the rows of a run of one library, in place of those that it has of this library.
    pub fn replace(&mut self, run: CostRun, costs: Vec<Cost>) {
        self.runs.retain(|other| other.library.name != run.library.name);
        let kept = |cost: &Cost| self.runs.iter().any(|run| run.id == cost.run);
        self.costs.retain(kept);
        self.runs.push(run);
        self.costs.extend(costs);
    }

    /// JSON with one row per line, so that a change shows as a changed line.
    ///
    /// # Panics
    /// Never: every part is plain data.
    pub fn to_json(&self) -> String {
        fn lines<T: Serialize>(rows: &[T]) -> String {
            let rows = rows.iter().map(|row| serde_json::to_string(row).expect("plain data"));
            rows.collect::<Vec<_>>().join(",\n    ")
        }
        format!(
            "{{\n  \"version\": {},\n  \"runs\": [\n    {}\n  ],\n  \"costs\": [\n    {}\n  ]\n}}\n",
            self.version,
            lines(&self.runs),
            lines(&self.costs),
        )
    }

    /// The run of a row.
    pub fn run(&self, cost: &Cost) -> Option<&CostRun> {
        self.runs.iter().find(|run| run.id == cost.run)
    }

    /// The rows of square arrays of a library with network-like codes.
    pub(crate) fn of_size<'a>(
        &'a self,
        library: &'a str,
        size: u32,
    ) -> impl Iterator<Item = &'a Cost> {
        self.costs.iter().filter(move |cost| {
            let run = self.run(cost);
            cost.stimulus == Stimulus::ReluLike
                && [cost.design.rows, cost.design.columns] == [size; 2]
                && run.is_some_and(|run| run.library.name == library)
        })
    }

    /// The row of a design in a library.
    pub fn find(&self, library: &str, design: &Array, stimulus: Stimulus) -> Option<&Cost> {
        // Of a table that is a hash of all its products: not for every row.
        let identity = design.identity();
        self.costs.iter().find(|cost| {
            cost.stimulus == stimulus
                && cost.design.has_options_of(design)
                && cost.design.identity() == identity
                && self.run(cost).is_some_and(|run| run.library.name == library)
        })
    }

    /// The rows of a design in a library, whatever its function x and the stimulus.
    pub fn with_any_control<'a>(
        &'a self,
        library: &'a str,
        design: &'a Array,
    ) -> impl Iterator<Item = &'a Cost> {
        let identity = design.identity();
        self.costs.iter().filter(move |cost| {
            let same = Array { control: design.control.clone(), ..cost.design.clone() };
            same.has_options_of(design)
                && same.identity() == identity
                && self.run(cost).is_some_and(|run| run.library.name == library)
        })
    }

    /// The row of a design in layers that fill the array: that of random codes as a network has
    /// them where the table has it, else that of uniform codes.
    pub fn full(&self, library: &str, design: &Array) -> Option<&Cost> {
        Stimulus::FULL.into_iter().find_map(|stimulus| self.find(library, design, stimulus))
    }

    /// Energy per MAC of a design as a fraction of the exact array's at 8 bits, without control
    /// variate, of the same size, library and stimulus.
    pub fn relative_power(&self, library: &str, design: &Array, stimulus: Stimulus) -> Option<f64> {
        let energy = |design| Some(self.find(library, design, stimulus)?.energy_fj);
        Some(energy(design)? / energy(&design.exact())?)
    }
}

#[cfg(test)]
mod tests {
    use recoup_circuits::{Operands, ProductTable};
    use recoup_core::control_variate::Mode;

    use super::*;

    fn table() -> CostTable {
        let run = |id: &str, library: &str| CostRun {
            id: id.to_owned(),
            library: Library { name: library.to_owned(), files: BTreeMap::new() },
            clock_ps: 1000.0,
            wire_ff_per_sink: 0.25,
            leakage_nw_per_um2: None,
            command: "recoup hardware measure".to_owned(),
            date: "2026-11-24".to_owned(),
            tools: BTreeMap::from([("yosys".to_owned(), "0.23".to_owned())]),
        };
        let cost = |run: &str, multiplier: &str, control: Option<&str>, energy_fj| Cost {
            run: run.to_owned(),
            design: Array {
                multiplier: multiplier.parse().unwrap(),
                activation_bits: 8,
                weight_bits: 8,
                control: control.map(str::to_owned),
                rows: 64,
                columns: 64,
                structure: Structure::default(),
            },
            stimulus: Stimulus::Uniform,
            extrapolated: true,
            pe_area_um2: 40.0,
            pe_delay_ps: 900.0,
            area_um2: 1e5,
            area_parts_um2: BTreeMap::from([("adder".to_owned(), 6e4), ("MAC+".to_owned(), 4e4)]),
            energy_fj,
            energy_standard_error_fj: 0.1,
            parts_fj: BTreeMap::from([("multiplier".to_owned(), energy_fj)]),
            loading_fj: None,
            load_path: None,
        };
        CostTable::new(
            vec![run("a", "seven"), run("b", "ancient")],
            vec![
                cost("a", "exact", None, 100.0),
                cost("a", "perforated:2", Some("low-bits"), 80.0),
                cost("b", "exact", None, 9000.0),
                cost("b", "perforated:2", Some("low-bits"), 8100.0),
            ],
        )
    }

    #[test]
    fn the_shipped_table_is_readable() {
        CostTable::shipped();
    }

    #[test]
    fn a_table_survives_its_file() {
        let text = table().to_json();
        assert_eq!(CostTable::parse("costs.json", &text).expect("a table"), table());
        assert_eq!(text.lines().count(), 13, "a line per row:\n{text}");
    }

    #[test]
    fn a_load_path_survives_the_file() {
        let mut table = table();
        let text = table.to_json();
        assert!(!text.contains("load_path"), "as before it was measured: {text}");
        let load_path = LoadPathCost { area_um2: 500.0, energy_fj: 2.0, loading_fj: 0.5 };
        table.costs[1].load_path = Some(load_path);
        assert_eq!(CostTable::parse("costs.json", &table.to_json()).expect("a table"), table);
    }

    /// Rows of other structures are told apart, and compared with the exact array of theirs.
    #[test]
    fn a_row_says_how_its_array_is_built() {
        let mut table = table();
        assert!(!table.to_json().contains("structure"), "rows of the plain array are as before");
        let clock_gating = ClockGating::Idle;
        let structure = Structure { products_per_pe: 4, share_columns: 2, clock_gating };
        assert_eq!(structure.steps(64, 16), [16, 8]);
        let plain = table.costs[1].design.clone();
        let built = Array { structure, ..plain.clone() };
        table.costs[1].design = built.clone();
        let again = CostTable::parse("costs.json", &table.to_json()).expect("a table");
        assert_eq!(again, table);
        assert_eq!(built.exact().structure, structure);
        let library = "seven";
        assert!(again.find(library, &built, Stimulus::Uniform).is_some());
        assert_eq!(again.find(library, &plain, Stimulus::Uniform), None);
        assert_eq!(again.relative_power(library, &built, Stimulus::Uniform), None);
    }

    #[test]
    fn power_is_relative_to_exact_in_the_same_library() {
        let table = table();
        let corrected = table.costs[1].design.clone();
        let of = |library| table.relative_power(library, &corrected, Stimulus::Uniform);
        assert_eq!((of("seven"), of("ancient"), of("none")), (Some(0.8), Some(0.9), None));
        let plain = Array { control: None, ..corrected.clone() };
        assert_eq!(table.relative_power("seven", &plain, Stimulus::Uniform), None);
        assert_eq!(table.relative_power("seven", &corrected, Stimulus::Demo), None);
    }

    /// It is the products that cost energy, not the name.
    #[test]
    fn a_row_is_found_by_what_its_multiplier_is() {
        let energy_fj = |table: &CostTable, multiplier: &Multiplier| {
            let plain = Design::new(multiplier.clone()).with_control_variate(Mode::None);
            let design = Array::new(&plain, &[], [64, 64], Structure::default())?;
            Some(table.find("seven", &design, Stimulus::Uniform)?.energy_fj)
        };
        let from_file = |name: &str, error: fn(u8, u8) -> i32| {
            let products = |w: u8, a: u8| Operands::Unsigned.product(w, a) - error(w, a);
            Multiplier::from_table(name, &ProductTable::from_fn(Operands::Unsigned, products))
        };
        for written in ["truncated:9", "mask:0xfcf8f0e0c0800000", "mask:0xFCF8F0E0C0800000"] {
            let json =
                table().to_json().replace("perforated:2", written).replace("\"low-bits\"", "null");
            let read = CostTable::parse("costs.json", &json).unwrap();
            for wanted in ["truncated:9", "mask:0xfcf8f0e0c0800000"] {
                assert_eq!(energy_fj(&read, &wanted.parse().unwrap()), Some(80.0), "{written}");
            }
        }
        // Exact products under any name, and others under the name of exact ones.
        assert_eq!(energy_fj(&table(), &from_file("mul", |_, _| 0)), Some(100.0));
        assert_eq!(energy_fj(&table(), &from_file("exact", |w, a| (w & a & 1).into())), None);
        assert_eq!(energy_fj(&table(), &from_file("exact", |w, a| (w % 3 * (a % 3)).into())), None);
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let error = |text: &str| CostTable::parse("c.json", text).unwrap_err().to_string();
        assert!(error("{").starts_with("c.json: is no cost table: EOF"));
        let newer = CostTable { version: 2, ..table() };
        assert!(error(&newer.to_json()).contains("version 2"));
        let unknown = error(&table().to_json().replace("perforated:2", "perforated:9"));
        assert!(unknown.contains("perforated takes a level from 1 to 7"), "{unknown}");
        let mut orphan = table();
        orphan.runs.pop();
        assert!(error(&orphan.to_json()).contains("names the run \"b\""));
    }
}
