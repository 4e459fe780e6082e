//! Worker processes: started, watched, replaced. Knows neither tokio nor Python.
