//! Best patches on disk: what a run has found in its pictures (a part, also of a run that was ended), the document that is made
//! of it, and the patches, cut out of the pictures themselves.

mod crops;
mod document;
mod file;
mod part;

pub use crops::{Reopening, cut, patches};
pub use document::{BestDocument, ChannelBest, FoundPlace, seen};
pub use file::BestFile;
pub use part::{BEST, BestPart, FoundPicture};
