//! stub
/// s
pub struct Explanation;
