//! The page in a browser: what is drawn, and what readers can do with it.

mod charts;
mod devtools;
mod driver;
mod edges;
mod hostile;
mod reading;
