//! The parts that `waybill dev` and the tests put in the place of real systems.
//! In come calls in the real system's protocol.
//! Out go the answers that the real system would give, its errors among them.

pub mod registry;
