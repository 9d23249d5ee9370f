//! The answer of an exploration as a page: which design, what it saves and loses, and why.
//!
//! [`data`] is what the page shows, [`render`] makes the page of it. Text, tables and dot diagrams
//! are HTML that needs no script; the charts are drawn by Observable Plot from the data inside the
//! page, which also filters and sorts the table. The page loads nothing from anywhere.

mod bar;
mod choice;
pub mod data;
mod dots;
mod number;
mod overview;
mod page;
mod provenance;
mod script;
mod sections;
mod table;
mod view;
mod waterfall;

pub use page::render;
