//! What the decoder of WebP does not notice: that data are missing. Pure.

use super::trouble::Trouble;

/// Coded data never end in so many zeros.
const ZEROS: usize = 64;

/// # Errors
/// Where the file ends before it says it does, or its picture ends in zeros: room that was reserved and never filled.
pub(super) fn check(bytes: &[u8]) -> Result<(), Trouble> {
    let length = |at: usize| {
        let bytes: &[u8; 4] = bytes.get(at..)?.first_chunk()?;
        Some(u32::from_le_bytes(*bytes) as usize)
    };
    if length(4).is_none_or(|length| bytes.len() < length.saturating_add(8)) {
        return Err(Trouble::CutOff);
    }
    let mut at = 12;
    while let Some(length) = length(at + 4) {
        let is_picture = matches!(bytes.get(at..at + 4), Some(b"VP8 " | b"VP8L"));
        let body = bytes.get(at + 8..).and_then(|rest| rest.get(..length)).ok_or(Trouble::CutOff)?;
        if is_picture && body.len() > ZEROS && body[body.len() - ZEROS..].iter().all(|&byte| byte == 0) {
            return Err(Trouble::CutOff);
        }
        // Chunks are filled up to an even length.
        at += 8 + length + length % 2;
    }
    Ok(())
}
