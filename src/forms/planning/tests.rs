//! The workbook as it is handed out.
