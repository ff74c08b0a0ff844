//! What the papers look like, in and out: bytes <-> subsidy types. Pure: no files, no database, no clock.
//!
//! [`grid`] turns a workbook or csv into cells, [`reading`] turns cells into rows with findings and repairs,
//! [`fix_list`] sorts those for the sender, [`annotate`] marks them in a copy of the sender's own file;
//! [`planning`] writes the planning workbook that prisons fill in, [`papers`] turns a batch or the plan of the city into
//! PDFs and workbooks, and packs them; [`letters`] writes mail, [`ics`] a calendar file.

pub mod annotate;
pub mod fix_list;
pub mod grid;
pub mod ics;
pub mod letters;
pub mod papers;
pub mod planning;
pub mod reading;
