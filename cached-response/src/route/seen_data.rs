//! The `Data<T>` values that a handler's arguments take from the application.

use actix_web::web::Data;
use std::{
    fmt,
    sync::{Arc, Weak},
};

/// Finds the `Data<T>` values of one argument in a request.
pub(crate) type FindData = fn(&actix_web::HttpRequest, &mut SeenData);

/// A weak reference that keeps an allocation, and with it its address, from being used again.
pub(crate) trait Pin {
    /// Whether the value behind it is still alive.
    fn is_alive(&self) -> bool;
}

impl<T: ?Sized> Pin for Weak<T> {
    fn is_alive(&self) -> bool {
        self.strong_count() > 0
    }
}

/// The addresses of the `Data<T>` values that one request offers a handler, in the order of its
/// arguments; zero for one that is absent.
#[derive(Default)]
pub struct SeenData {
    addresses: Vec<usize>,
    /// Only where they are asked for: an address is enough to compare.
    pins: Option<Vec<Box<dyn Pin>>>,
}

impl SeenData {
    /// Adds the next value.
    pub(crate) fn see<T: ?Sized + 'static>(&mut self, data: Option<&Data<T>>) {
        let address = data.map_or(0, |data| Arc::as_ptr(data).cast::<()>() as usize);
        self.addresses.push(address);
        if let (Some(pins), Some(data)) = (&mut self.pins, data) {
            pins.push(Box::new(Arc::downgrade(data)));
        }
    }

    /// Forgets what was seen and keeps the room.
    pub(crate) fn clear(&mut self) {
        self.addresses.clear();
        self.pins = None;
    }

    /// Keeps a weak reference to each value that is seen from now on.
    pub(crate) fn pin(&mut self) {
        self.pins = Some(Vec::new());
    }

    pub(crate) fn addresses(&self) -> &[usize] {
        &self.addresses
    }

    pub(crate) fn take_pins(&mut self) -> Vec<Box<dyn Pin>> {
        self.pins.take().unwrap_or_default()
    }
}

impl fmt::Debug for SeenData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeenData").finish_non_exhaustive()
    }
}
