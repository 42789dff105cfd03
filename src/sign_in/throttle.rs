//! The throttle (fact sheet 5.1).
