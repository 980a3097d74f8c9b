//! Owns the one HTTP client of the house: TLS, a deadline for each call, a cap on what is read, no redirects.
//! In come requests as bytes with their URL; the room knows neither a carrier nor Odoo.
//! Out go answers as bytes with their status, or an error that says whether the other side may have acted.

mod client;

pub use client::{Answer, ClientError, HttpClient, Request, SendError};
