//! When requests may leave: the rate limiter, the adaptive limit, the circuit breaker, and the guest quota.
//!
//! Pure cores, and two shells that hand out permits, [`RateLimiter`] and [`GuestLimiter`]. Sends nothing.

mod adaptive;
mod circuit_breaker;
mod failure_streaks;
mod guest_forecast;
mod guest_limiter;
mod guest_quota;
mod queue;
mod rate_limit;
mod rate_limiter;
mod server_failure;
mod window;

pub use guest_forecast::GuestForecast;
pub use guest_limiter::GuestLimiter;
pub(crate) use guest_limiter::GuestPermit;
pub use guest_quota::{GUEST_CAP, GuestResponse};
pub use queue::Stop;
pub use rate_limiter::{Limits, Permit, RateLimiter};
pub(crate) use server_failure::named_pause;
pub use server_failure::{FailureKind, ServerFailure};

/// Now, by the clock that tests pause.
fn now() -> std::time::Instant {
    tokio::time::Instant::now().into_std()
}
