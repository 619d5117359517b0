//! The `Data<T>` values that a handler's arguments receive from the application.

use actix_web::web::Data;
use std::{
    fmt,
    sync::{Arc, Weak},
};

/// Finds the `Data<T>` values of one argument in a request.
pub(crate) type FindData = fn(&actix_web::HttpRequest, &mut SeenData);

/// A weak reference that prevents the reuse of an allocation and its address.
pub(crate) trait Pin {
    /// Returns true while the value is alive.
    fn is_alive(&self) -> bool;
}

impl<T: ?Sized> Pin for Weak<T> {
    fn is_alive(&self) -> bool {
        self.strong_count() > 0
    }
}

/// Addresses of the `Data<T>` values of one request, in the order of the arguments; zero for an absent
/// one.
#[derive(Default)]
pub struct SeenData {
    addresses: Vec<usize>,
    /// Weak references, only on demand: an address suffices to compare.
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

    /// Clears the addresses and keeps the allocation.
    pub(crate) fn clear(&mut self) {
        self.addresses.clear();
        self.pins = None;
    }

    /// Keeps a weak reference to each value that is added from now on.
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
