//! XML in and out, as Magento reads and writes it (fact sheet 3.3).
//!
//! What always holds: a request's XML is read in one pass, without recursion, and bounded in depth; it may not declare a
//! document type, so that there are no entities but the five of XML itself, and nothing is ever fetched or expanded.

mod reader;
mod writer;

pub(super) use reader::arguments;
pub(super) use writer::document;
