//! The admission gate in front of the hashers: a limit on how many wait, altogether and for one address.

use std::net::IpAddr;
use std::sync::Arc;

use dashmap::DashMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How much of the queue one address may hold.
const SHARE_OF_ONE_ADDRESS: usize = 4;

/// Hands out places. A hasher's queue itself has no limit, so nobody goes there without a place.
#[derive(Debug)]
pub(super) struct Gate {
    places: Arc<Semaphore>,
    total: usize,
    per_address: usize,
    /// How many places each origin holds; an origin without a place is not listed.
    held: DashMap<Origin, usize>,
}

/// No place is free, or none for this address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// Whom a place is counted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Origin {
    Version4(u32),
    /// The /64 of an address: what one customer of a provider can choose from.
    Version6(u64),
    Unknown,
}

impl Gate {
    /// A gate with a place for each of `concurrency` running and `queue` waiting hashes.
    pub(super) fn new(concurrency: usize, queue: usize) -> Arc<Self> {
        let total = concurrency.saturating_add(queue).min(Semaphore::MAX_PERMITS);
        Arc::new(Self {
            places: Arc::new(Semaphore::new(total)),
            total,
            per_address: (queue / SHARE_OF_ONE_ADDRESS).max(1),
            held: DashMap::new(),
        })
    }

    /// A place for a sign-in from this address; those without a known address share one share.
    pub(super) fn enter(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Place, Full> {
        let permit = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Full)?;
        let origin = Origin::of(address);
        let mut held = self.held.entry(origin).or_default();
        if *held >= self.per_address {
            return Err(Full);
        }
        *held += 1;
        drop(held);
        Ok(Place { _permit: permit, counted: Some((Arc::clone(self), origin)) })
    }

    /// A place for an operator's command, which is not counted for any address.
    pub(super) fn enter_uncounted(&self) -> Result<Place, Full> {
        let permit = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Full)?;
        Ok(Place { _permit: permit, counted: None })
    }

    /// How many places are held.
    pub(super) fn taken(&self) -> usize {
        self.total.saturating_sub(self.places.available_permits())
    }

    fn leave(&self, origin: Origin) {
        if let Some(mut held) = self.held.get_mut(&origin) {
            *held = held.saturating_sub(1);
        }
        self.held.remove_if(&origin, |_, held| *held == 0);
    }
}

impl Origin {
    fn of(address: Option<IpAddr>) -> Self {
        match address.map(|address| address.to_canonical()) {
            Some(IpAddr::V4(address)) => Self::Version4(address.to_bits()),
            Some(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                Self::Version6([a, b, c, d].iter().fold(0, |bits, &part| bits << 16 | u64::from(part)))
            }
            None => Self::Unknown,
        }
    }
}

/// A place in front of the hashers, free again when it is dropped.
#[derive(Debug)]
pub(in crate::sign_in) struct Place {
    _permit: OwnedSemaphorePermit,
    counted: Option<(Arc<Gate>, Origin)>,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((gate, origin)) = &self.counted {
            gate.leave(*origin);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_address_holds_at_most_a_quarter_of_the_queue() {
        let gate = Gate::new(2, 8);
        let places: Vec<_> = (0..2).map(|_| gate.enter(Some(address("192.0.2.1"))).unwrap()).collect();
        assert_eq!(gate.enter(Some(address("192.0.2.1"))).unwrap_err(), Full);
        assert_eq!(gate.enter(Some(address("::ffff:192.0.2.1"))).unwrap_err(), Full);
        assert_eq!(gate.taken(), 2, "a refused sign-in holds no place");
        let _other = gate.enter(Some(address("192.0.2.2"))).unwrap();
        drop(places);
        assert!(gate.enter(Some(address("192.0.2.1"))).is_ok());
    }

    #[test]
    fn addresses_of_one_network_of_version_6_share_and_unknown_ones_do() {
        let gate = Gate::new(1, 4);
        let _first = gate.enter(Some(address("2001:db8:0:1::1"))).unwrap();
        assert_eq!(gate.enter(Some(address("2001:db8:0:1:ffff::2"))).unwrap_err(), Full);
        let _second = gate.enter(Some(address("2001:db8:0:2::1"))).unwrap();
        let _third = gate.enter(None).unwrap();
        assert_eq!(gate.enter(None).unwrap_err(), Full);
    }

    #[test]
    fn running_and_waiting_ones_together_have_a_limit() {
        let gate = Gate::new(1, 2);
        let places: Vec<_> =
            ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(|text| gate.enter(Some(address(text))).unwrap()).into();
        assert_eq!(gate.enter(Some(address("192.0.2.4"))).unwrap_err(), Full);
        assert_eq!(gate.enter_uncounted().unwrap_err(), Full);
        assert_eq!(gate.taken(), 3);
        drop(places);
        assert_eq!(gate.taken(), 0);
        assert!(gate.held.is_empty(), "no address is remembered without a place");
    }

    #[test]
    fn without_a_queue_one_address_still_gets_one_place() {
        let gate = Gate::new(1, 0);
        let _place = gate.enter(Some(address("192.0.2.1"))).unwrap();
        assert_eq!(gate.enter(Some(address("192.0.2.2"))).unwrap_err(), Full);
    }
}
