//! stub
/// s
pub struct Actions;
/// s
pub struct AdminView;
/// s
pub struct DisposalView;
/// s
pub struct ErrorView;
/// s
pub struct RecoveryView;
/// s
pub struct RetainedView;
/// s
pub struct UserView;
