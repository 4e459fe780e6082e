//! Worker processes: started, watched, replaced. Knows neither tokio nor Python.

mod management;

pub use management::{Management, Reporter, Source, report, resident_memory};
