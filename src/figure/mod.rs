//! Pictures with words on them, drawn on the CPU: plots and labelled sheets as PNG or SVG.
