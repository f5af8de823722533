//! Places for connections: so many altogether, and so many for one address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use crate::limits::Connections;

/// The places that there are.
pub struct Places {
    limits: Connections,
    taken: Arc<Mutex<Taken>>,
}

/// A connection's place, given back when dropped.
pub struct Place {
    source: IpAddr,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Default)]
struct Taken {
    together: usize,
    /// Without those that have none.
    by_source: HashMap<IpAddr, usize>,
}

impl Places {
    /// So many as the limits have it.
    pub fn new(limits: &Connections) -> Self {
        Self {
            limits: *limits,
            taken: Arc::default(),
        }
    }

    /// A place for a connection from `address`, unless all are taken or its share is used up.
    pub fn take(&self, address: IpAddr) -> Option<Place> {
        let source = source_of(address);
        let share = if source.is_loopback() {
            self.limits.of_loopback
        } else {
            self.limits.of_address
        };
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.by_source.get(&source).copied().unwrap_or(0);
        if own >= share || taken.together >= self.limits.together {
            return None;
        }
        taken.together += 1;
        taken.by_source.insert(source, own + 1);
        Some(Place {
            source,
            taken: Arc::clone(&self.taken),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.together -= 1;
        if let Some(own) = taken.by_source.get_mut(&self.source) {
            *own -= 1;
            if *own == 0 {
                taken.by_source.remove(&self.source);
            }
        }
    }
}

impl Place {
    /// Who has it, as far as shares go.
    pub fn source(&self) -> IpAddr {
        self.source
    }
}

/// Who shares: an address of IPv4, or a network of IPv6 as one customer has it.
fn source_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            Ipv6Addr::from_bits(address.to_bits() & NETWORK).into()
        }
        address => address,
    }
}

/// The first 64 bits.
const NETWORK: u128 = !0 << 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn take(places: &Places, address: &str) -> Option<Place> {
        places.take(address.parse().unwrap())
    }

    #[test]
    fn an_address_has_its_share_and_gives_it_back() {
        let places = Places::new(&Connections {
            together: 6,
            of_address: 2,
            of_loopback: 3,
            ..Connections::default()
        });
        let first = take(&places, "192.0.2.1");
        let mapped = take(&places, "::ffff:192.0.2.1");
        assert!(first.is_some() && mapped.is_some());
        assert!(take(&places, "192.0.2.1").is_none());
        let one = take(&places, "2001:db8::1");
        let neighbour = take(&places, "2001:db8::2:0:0:2");
        assert!(one.is_some() && neighbour.is_some());
        assert!(take(&places, "2001:db8::3").is_none());
        drop(first);
        let again = take(&places, "192.0.2.1");
        assert!(again.is_some());
        drop((one, neighbour));
        let own = [(); 4].map(|()| take(&places, "::1"));
        let had = own.each_ref().map(Option::is_some);
        assert_eq!(had, [true, true, true, false]);
        drop((own, mapped, again));
        assert!(places.taken.lock().unwrap().by_source.is_empty());
        assert_eq!(places.taken.lock().unwrap().together, 0);

        let all: Vec<_> = (0..6)
            .map(|n| take(&places, &format!("192.0.2.{n}")))
            .collect();
        assert!(all.iter().all(Option::is_some));
        assert!(take(&places, "192.0.2.9").is_none());
    }
}
