//! Recoup.
