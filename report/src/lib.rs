//! The answer of an exploration as a page: which design, what it saves and loses, and why.
//!
//! [`data`] is what the page shows.

pub mod data;
