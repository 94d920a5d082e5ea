//! A package has to have a target; what there is to run is in `hot_paths.rs`.
