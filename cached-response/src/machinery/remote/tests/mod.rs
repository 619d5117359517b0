//! What holds of any story; the model checkers run the shorter ones beside the code.

mod hearing;
mod pending;
